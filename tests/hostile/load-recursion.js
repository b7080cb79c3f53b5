// expect: code=3 reason="RangeError"
// Endless recursion at the top level.
function f() { return f() + 1; }
f();
export default {};
