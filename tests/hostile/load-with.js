// expect: code=3 reason="SyntaxError"
// Sloppy-mode code in a module.
with (Math) { floor(1); }
export default {};
