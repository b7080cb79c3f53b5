// expect: code=0 http=200 deadline=60000 output="20000000"
// Twenty megabytes out of twenty kilobytes, passed on bit by bit.
export default {
    async fetch(r, env, ctx) {
        const zeros = new ReadableStream({ start(c) { this.n = 0; }, pull(c) { if (this.n++ < 20) c.enqueue(new Uint8Array(1000000)); else c.close(); } });
        let n = 0;
        for await (const part of zeros.pipeThrough(new CompressionStream('gzip')).pipeThrough(new DecompressionStream('gzip'))) n += part.byteLength;
        return new Response(String(n));
    },
};
