// expect: code=4 deadline=700
// An endless loop at the top level.
for (;;) {}
