// Uses as much of the runtime as one request can, so that a system call missing from the filter shows.
import { connect } from 'cloudflare:sockets';

const attempts = {
  async digest() {
    const d = await crypto.subtle.digest('SHA-512', new Uint8Array(1 << 20));
    return d.byteLength;
  },
  async rsa() {
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
    const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const sig = await crypto.subtle.sign(algorithm.name, pair.privateKey, new Uint8Array(3));
    return crypto.subtle.verify(algorithm.name, pair.publicKey, sig, new Uint8Array(3));
  },
  async ecdh() {
    const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);
    const bits = await crypto.subtle.deriveBits({ name: 'ECDH', public: pair.publicKey }, pair.privateKey, 256);
    return bits.byteLength;
  },
  random: () => crypto.randomUUID().length + crypto.getRandomValues(new Uint8Array(1000)).length,
  async gzip() {
    const packed = new Response('x'.repeat(1e6)).body.pipeThrough(new CompressionStream('gzip'));
    const text = await new Response(packed.pipeThrough(new DecompressionStream('gzip'))).text();
    return text.length;
  },
  garbage() {
    let kept = [];
    for (let i = 0; i < 3e5; i++) {
      kept.push({ i, s: 'x' + i });
      if (i % 5e4 === 0) kept = [];
    }
    return kept.length > 0;
  },
  buffers() {
    let n = 0;
    for (let i = 0; i < 30; i++) n += new Uint8Array(4 << 20).fill(1).length;
    return n;
  },
  jit() {
    let x = 1;
    for (let i = 0; i < 3e6; i++) x = (x * 1103515245 + i) & 0x7fffffff;
    return x > 0;
  },
  recursion() {
    const f = (n) => 1 + f(n + 1);
    try {
      return f(0);
    } catch (e) {
      return e.name;
    }
  },
  wasm() {
    const m = new WebAssembly.Memory({ initial: 1, maximum: 100 });
    m.grow(50);
    return m.buffer.byteLength;
  },
  evil() {
    try {
      return eval('1');
    } catch (e) {
      return e.name;
    }
  },
  async timers() {
    const started = Date.now();
    await Promise.all([1, 2, 3, 5, 8, 13].map((ms) => new Promise((done) => setTimeout(done, ms))));
    return Date.now() >= started;
  },
  async fetch() {
    return (await fetch('http://example.com/')).status;
  },
  async fetchTls() {
    return (await fetch('https://example.com/')).status;
  },
  async fetchMetadata() {
    return (await fetch('http://169.254.169.254/latest/meta-data')).status;
  },
  async connect() {
    const s = connect('127.0.0.1:80');
    await s.opened;
    return 'open';
  },
  async streams() {
    const { readable, writable } = new TransformStream();
    const w = writable.getWriter();
    w.write(new TextEncoder().encode('hello'));
    w.close();
    return new Response(readable).text();
  },
  async webSocket() {
    const [a, b] = Object.values(new WebSocketPair());
    a.accept();
    b.accept();
    const got = new Promise((done) => b.addEventListener('message', (e) => done(e.data)));
    a.send('ping');
    return got;
  },
  async cache() {
    return String(await caches.default.match('http://x/'));
  },
  async rewriter() {
    const r = new HTMLRewriter().on('p', { element: (e) => e.setInnerContent('new') }).transform(new Response('<p>old</p>'));
    return r.text();
  },
  async import() {
    return import('./nope.js');
  },
  intl: () => new Intl.DateTimeFormat('en', { timeZone: 'Europe/Berlin' }).format(new Date(0)) + new Date(0).toLocaleString(),
  clone: () => structuredClone(new Map([[1, { a: new Date(0) }]])).size,
  shared() {
    const cell = new Int32Array(new SharedArrayBuffer(8));
    return Atomics.add(cell, 0, 1);
  },
  url: () => new URL('http://u:p@h:1/p?q#f').href + new URLPattern({ pathname: '/:x' }).test('http://h/y'),
  log() {
    for (let i = 0; i < 2000; i++) console.log('line ' + i);
    console.error('to stderr');
    return true;
  },
  weak: () => typeof new WeakRef({}).deref(),
  clock: () => performance.now() >= 0,
  reject() {
    Promise.reject(new Error('nobody listens'));
    return true;
  },
};

export default {
  async fetch(request, env, ctx) {
    const input = await request.text();
    const only = new URL(request.url).searchParams.get('only');
    if (only === 'throw') throw new Error('uncaught');
    if (only === 'abort') ctx.abort('aborted');
    const out = { input };
    for (const [name, run] of Object.entries(attempts)) {
      if (only && only !== name) continue;
      try {
        out[name] = await run();
      } catch (e) {
        out[name] = 'threw';
      }
    }
    ctx.waitUntil(new Promise((done) => setTimeout(done, 1)));
    return Response.json(out);
  },
};
