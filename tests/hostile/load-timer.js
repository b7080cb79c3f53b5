// expect: code=3
// Timers at the top level are refused.
setTimeout(() => {}, 1);
export default {};
