// expect: code=3 reason="SyntaxError"
// A syntax error.
export default {
