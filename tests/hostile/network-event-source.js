// expect: code=0 deadline=20000
// An event source on the API.
export default {
    async fetch(r, env, ctx) {
        if (typeof EventSource === 'undefined') return new Response('none');
        const s = new EventSource('http://127.0.0.1:6001/');
        await new Promise((f) => { s.onerror = s.onopen = f; });
        s.close();
        return new Response('closed');
    },
};
