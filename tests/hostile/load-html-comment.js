// expect: code=3 reason="SyntaxError"
// HTML comments are not part of modules.
<!-- x
export default {};
