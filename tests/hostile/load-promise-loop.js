// expect: code=4 deadline=700
// Microtasks without end at the top level.
const f = () => Promise.resolve().then(f);
await f().then(f);
for (;;) await null;
