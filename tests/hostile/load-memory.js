// expect: code=6 deadline=30000 reason="memory"
// Eats memory at the top level.
const a = [];
for (;;) a.push(new Array(100000).fill(1.5));
