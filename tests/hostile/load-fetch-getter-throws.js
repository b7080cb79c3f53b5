// expect: code=3
// The handler is a getter that throws.
export default { get fetch() { throw new Error("getter"); } };
