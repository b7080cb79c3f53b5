// expect: code=3
// Writes a reason of its own before it fails to load.
console.error("service main: all is fine");
throw new Error("not fine");
