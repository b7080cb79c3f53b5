// expect: code=3
// CommonJS.
exports.fetch = () => new Response("x");
