// expect: code=3
// Throws an error of 10 MB; the reason stays one short line.
throw new Error("long\n".repeat(2000000));
