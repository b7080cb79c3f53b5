// expect: code=0 http=500
// The default export is a class of no known kind.
export default class { fetch() { return new Response("x"); } }
