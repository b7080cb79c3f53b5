// expect: code=0 deadline=3000
// Messages to itself without end.
export default {
    async fetch(r, env, ctx) {
        if (typeof MessageChannel === 'undefined') return new Response('none');
        const { port1, port2 } = new MessageChannel();
        port2.onmessage = (e) => port1.postMessage(e.data);
        port1.postMessage('x');
        return new Response('sent');
    },
};
