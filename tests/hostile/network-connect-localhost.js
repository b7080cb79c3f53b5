// expect: code=0 http=200 deadline=20000
// The same by name.
import { connect } from "cloudflare:sockets";
export default {
    async fetch(r, env, ctx) {
        try {
            const s = connect('localhost:6001');
            const w = s.writable.getWriter();
            await w.write(new TextEncoder().encode('GET / HTTP/1.0\r\n\r\n'));
            const { value } = await s.readable.getReader().read();
            return new Response(value ? 'connected' : 'closed');
        } catch (e) {
            return new Response('refused');
        }
    },
};
