// expect: code=0 http=500
// The default export is a promise: an object without a handler.
export default Promise.resolve({ fetch() { return new Response("x"); } });
