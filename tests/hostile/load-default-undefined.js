// expect: code=3
// The default export is undefined.
export default undefined;
