// What can go wrong between a node and its endpoint, one entry each: {name, fault(proxy) → hooks, before, forMs, deadline}.
// before(proxy): runs when the hooks are in place and before the job is created. forMs: the hooks are taken away so long
// after the job was created. The job must be answered exactly once in every case.
import { DESTROY, STALL } from './proxy.mjs';

const HTML = '<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>';
const error = (call, message, code = -32000) => JSON.stringify({ jsonrpc: '2.0', id: call.id, error: { code, message } });
const result = (call, value) => JSON.stringify({ jsonrpc: '2.0', id: call.id, result: value });
const isLog = (message) => Array.isArray(message.params.result.topics);

// Every request is answered so.
const always = (answer) => () => ({ http: async (call, forward, reply) => answer(call, reply, forward) });

// The first n requests of a method are answered so, the others are passed on.
const first = (method, n, answer) => () => {
    let left = n;
    return {
        http: async (call, forward, reply, raw) => {
            if (call.method === method && left-- > 0) return answer(call, reply, forward, raw);
            return reply((await forward()).text);
        },
    };
};
const send = (n, answer) => first('eth_sendRawTransaction', n, answer);
const refuseSend = (message, n = 1) => send(n, (call, reply) => reply(error(call, message)));
const cut = (proxy) => proxy.cutStreams();

const HTTP = [
    ['429 to everything', always((call, reply) => reply('slow down', { status: 429 })), { forMs: 1000 }],
    ['429 with Retry-After', always((call, reply) => reply('', { status: 429, headers: { 'retry-after': '1' } })), { forMs: 1000 }],
    ['429 as a JSON-RPC error', always((call, reply) => reply(error(call, 'rate limit exceeded', -32005))), { forMs: 1000 }],
    ['500 to everything', always((call, reply) => reply('oops', { status: 500 })), { forMs: 1000 }],
    ['an HTML page with 502', always((call, reply) => reply(HTML, { status: 502 })), { forMs: 1000 }],
    ['an HTML page with 200', always((call, reply) => reply(HTML)), { forMs: 1000 }],
    ['half a JSON text', always(async (call, reply, forward) => reply((await forward()).text.slice(0, 20))), { forMs: 1000 }],
    ['an empty body', always((call, reply) => reply('')), { forMs: 1000 }],
    ['answers to another id', always((call, reply) => reply(result({ id: 99_999_999 }, '0x1'))), { forMs: 1000 }],
    ['every connection is cut', always(() => DESTROY), { forMs: 1000 }],
    ['no request is answered', always(() => STALL), { forMs: 1500, deadline: 20_000 }],
    ['answers come a second late', always(async (call, reply, forward) => {
        const { text } = await forward();
        await new Promise((resolve) => setTimeout(resolve, 1000));
        return reply(text);
    }), { forMs: 6000, deadline: 15_000 }],
    ['an error object for everything', always((call, reply) => reply(error(call, 'header not found'))), { forMs: 1000 }],
    ['random bytes', always((call, reply) => reply(Buffer.from([0x7b, 0xff, 0x00, 0x22, 0xfe]))), { forMs: 1000 }],
    ['the code is unknown at first', first('eth_getTransactionByHash', 5, (call, reply) => reply(result(call, null)))],
    ['the code is an error at first', first('eth_getTransactionByHash', 4, (call, reply) => reply(error(call, 'busy')))],
    ['the body breaks off', first('eth_getTransactionByHash', 2, (call, reply, forward, raw) => {
        raw.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
        raw.write('{"jsonrpc"');
        setTimeout(() => raw.destroy(), 20);
    })],
    ['the answer is refused with 429', send(3, (call, reply) => reply('', { status: 429 }))],
    ['the answer is taken and reported as 500', send(1, async (call, reply, forward) => {
        await forward();
        return reply('', { status: 500 });
    })],
    ['the answer is taken and the connection cut', send(1, async (call, reply, forward) => {
        await forward();
        return DESTROY;
    })],
    ['the answer is swallowed', send(1, (call, reply) => reply(result(call, `0x${'ab'.repeat(32)}`))), { deadline: 30_000 }],
    ['the answer is swallowed as "already known"', refuseSend('already known'), { deadline: 30_000 }],
    ['"nonce too low" that is not true', refuseSend('nonce too low'), { deadline: 20_000 }],
    ['"nonce too high" that is not true', refuseSend('nonce too high: address 0x1, tx: 5 state: 4')],
    ['"replacement transaction underpriced"', refuseSend('replacement transaction underpriced'), { deadline: 3000 }],
    ['"transaction underpriced"', refuseSend('transaction underpriced')],
    ['base fee above the offer', refuseSend('max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1, baseFee: 2')],
    ['"intrinsic gas too low"', refuseSend('intrinsic gas too low')],
    ['"insufficient funds" that is not true', refuseSend('insufficient funds for gas * price + value'), { deadline: 1500 }],
    ['a sequencer with a full queue', refuseSend('sequencer pending tx pool full, please try again', 2)],
    ['an error that nobody knows', refuseSend('the moon is in the wrong phase', 2)],
    ['receipts are null at first', first('eth_getTransactionReceipt', 3, (call, reply) => reply(result(call, null)))],
    ['receipts are errors at first', first('eth_getTransactionReceipt', 3, (call, reply) => reply(error(call, 'busy')))],
];

const later = (ms, work) => setTimeout(work, ms);
const STREAM = [
    ['the stream is cut before the job', () => ({ upgrade: (socket) => socket.destroy() || true }), { before: cut, forMs: 800 }],
    ['the stream is cut and nobody answers', () => ({ upgrade: () => true }), { before: cut, forMs: 1500, deadline: 40_000 }],
    ['the stream is cut in the log\'s frame', () => ({
        notify: (message, pass, node) => {
            if (!isLog(message)) return pass();
            node._socket.write(Buffer.from([0x81, 0x7e, 0x02, 0x00, 0x7b]));
            return later(10, () => node.terminate());
        },
    }), { forMs: 700 }],
    ['the stream is cut behind the log', () => ({ notify: (message, pass, node) => { pass(); if (isLog(message)) node.terminate(); } }), { forMs: 700 }],
    ['the stream comes and goes', () => ({ notify: (message, pass, node) => { pass(); later(200, () => node.terminate()); } }), { before: cut, forMs: 2500 }],
    ['every message comes twice', () => ({ notify: (message, pass) => { pass(); pass(); } })],
    ['logs come behind later heads', () => ({ notify: (message, pass) => (isLog(message) ? later(2500, () => pass()) : pass()) }), { forMs: 4000, deadline: 15_000 }],
    ['logs are forgotten', () => ({ notify: (message, pass) => { if (!isLog(message)) pass(); } }), { forMs: 15_000, deadline: 30_000 }],
    ['heads are forgotten', () => ({ notify: (message, pass) => { if (isLog(message)) pass(); } }), { forMs: 3000 }],
    ['the stream falls silent', () => ({ notify: () => {} }), { forMs: 30_000, deadline: 40_000 }],
    ['messages that are no JSON', () => ({ notify: (message, pass) => { pass('{"jsonrpc": nonsense'); pass(); } }), { forMs: 2000 }],
    ['logs that are no logs', () => ({ notify: (message, pass) => { pass(JSON.stringify({ ...message, params: { ...message.params, result: { topics: 7 } } })); pass(); } }), { forMs: 2000 }],
    ['logs without a removed member', () => ({
        notify: (message, pass) => {
            if (isLog(message)) delete message.params.result.removed;
            pass(JSON.stringify(message));
        },
    })],
    ['the log is taken back and comes again', () => ({
        notify: (message, pass) => {
            pass();
            if (!isLog(message)) return;
            const gone = structuredClone(message);
            gone.params.result.removed = true;
            pass(JSON.stringify(gone));
            pass();
        },
    })],
    ['subscribing is refused at first', () => {
        let left = 3;
        return { subscribe: (call) => (left-- > 0 ? error(call, 'too many subscriptions') : undefined) };
    }, { before: cut }],
    ['ranges are refused and another suggested', first('eth_getLogs', 3, (call, reply) => {
        const { fromBlock } = call.params[0];
        return reply(error(call, `query returned more than 10000 results. Try with this block range [${fromBlock}, ${fromBlock}].`, -32005));
    }), { before: cut }],
    ['ranges are refused without a word why', first('eth_getLogs', 3, (call, reply) => reply(error(call, 'block range too large', -32602))), { before: cut }],
    ['an endpoint that lags has no logs yet', () => {
        const until = Date.now() + 2500;
        return {
            upgrade: (socket) => Date.now() < until - 2000 && (socket.destroy() || true),
            http: async (call, forward, reply) => {
                const { text } = await forward();
                return reply(call.method === 'eth_getLogs' && Date.now() < until ? result(call, []) : text);
            },
        };
    }, { before: cut, deadline: 20_000 }],
];

export const CASES = [...HTTP, ...STREAM].map(([name, fault, options = {}]) => ({ name, fault, deadline: 10_000, ...options }));
