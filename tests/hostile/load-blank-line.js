// expect: code=3
// Nothing but the end of a line.

