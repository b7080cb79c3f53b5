// expect: code=3
// The default export is a number.
export default 5;
