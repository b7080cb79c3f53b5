// expect: code=3 reason="SyntaxError"
// A return outside of a function.
return 1;
