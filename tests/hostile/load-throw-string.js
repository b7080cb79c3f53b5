// expect: code=3
// Throws a string while it is loaded.
throw "boom";
