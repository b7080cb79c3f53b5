// expect: code=0 http=200 deadline=30000
// A hundred raw connections at once.
import { connect } from "cloudflare:sockets";
export default {
    async fetch(r, env, ctx) {
        const all = await Promise.allSettled(Array.from({ length: 100 }, () => connect('127.0.0.1:6001').opened));
        return new Response(String(all.filter((x) => x.status === 'fulfilled').length));
    },
};
