// expect: code=3
// The default export is null.
export default null;
