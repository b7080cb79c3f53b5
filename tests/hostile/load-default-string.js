// expect: code=3
// The default export is a string.
export default "x";
