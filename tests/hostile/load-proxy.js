// expect: code=4 deadline=700
// The default export is a proxy whose traps never return.
export default new Proxy({}, { get() { for (;;) {} }, has() { for (;;) {} }, ownKeys() { for (;;) {} } });
