// expect: code=3
// A comment and no more.
/* nothing */
