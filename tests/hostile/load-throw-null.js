// expect: code=3
// Throws null while it is loaded.
throw null;
