// expect: code=4 deadline=700
// The handler is a getter that never returns.
export default { get fetch() { for (;;) {} } };
