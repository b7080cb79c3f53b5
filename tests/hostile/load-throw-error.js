// expect: code=3 reason="boom"
// Throws while it is loaded.
throw new Error("boom");
