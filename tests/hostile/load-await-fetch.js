// expect: code=3
// Subrequests at the top level are refused.
await fetch("http://example.com/");
export default {};
