// expect: code=0
// The default export is the global object, whose fetch() is not a handler.
export default globalThis;
