// expect: code=0 http=500
// The default export has a then() that never calls back.
export default { then() {} };
