// expect: code=0 deadline=20000
// A web socket to the API.
export default {
    async fetch(r, env, ctx) {
        return new Response(await new Promise((f) => { const s = new WebSocket('ws://127.0.0.1:6001/'); s.onopen = () => f('open'); s.onerror = s.onclose = () => f('closed'); }));
    },
};
