// expect: code=3
// Top-level await of what never comes.
await new Promise(() => {});
export default {};
