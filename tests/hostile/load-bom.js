// expect: code=0 http=200 output="x"
// Begins with a byte-order mark.
﻿export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
