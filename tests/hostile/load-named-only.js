// expect: code=3
// Named exports without a default one.
export const fetch = () => new Response("x");
