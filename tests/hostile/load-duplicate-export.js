// expect: code=3 reason="SyntaxError"
// Two default exports.
export default {};
export default {};
