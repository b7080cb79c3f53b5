// expect: code=0 http=500 output="Internal Server Error"
// The handler is not a function.
export default { fetch: 5 };
