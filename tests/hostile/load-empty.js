// expect: code=3
// No code at all: a file of 0 bytes.
