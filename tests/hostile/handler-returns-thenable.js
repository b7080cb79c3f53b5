// expect: code=0 http=500
// Returns an object with a then() that never calls back.
export default { fetch() { return { then() {} }; } };
