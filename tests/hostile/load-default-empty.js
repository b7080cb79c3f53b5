// expect: code=0 http=500 output="Internal Server Error"
// The default export has no handler.
export default {};
