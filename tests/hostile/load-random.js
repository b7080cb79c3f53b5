// expect: code=3
// Random bytes at the top level are refused.
crypto.getRandomValues(new Uint8Array(4));
export default {};
