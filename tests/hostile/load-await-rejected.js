// expect: code=3 reason="no"
// Top-level await of a rejection.
await Promise.reject(new Error("no"));
export default {};
