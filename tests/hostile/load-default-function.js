// expect: code=0 http=500
// The default export is a function.
export default function fetch() { return new Response("x"); }
