// A proxy between a node and its chain that delays both directions and notes when things pass on the node's side:
// each JobCreated log that is handed to the node, each eth_sendRawTransaction that arrives from it. In a thread of its
// own, so that nothing else disturbs its clock.
import { Agent, createServer, request } from 'node:http';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { WebSocket, WebSocketServer } from 'ws';

// Starts a proxy in front of chain ({httpUrl, wsUrl}) with a round trip of rttMs. jobCreated: topic 0 of the event.
// Returns {httpUrl, wsUrl, take, stop}; take() → {logs: [{jobId, at}], sends: [{raw, at}]} since the last take (at: ms).
export async function startProxy({ chain, rttMs, jobCreated }) {
    const worker = new Worker(new URL(import.meta.url), {
        workerData: { httpUrl: chain.httpUrl, wsUrl: chain.wsUrl, rttMs, jobCreated },
    });
    const next = () => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    const port = await next();
    return {
        chainId: chain.chainId,
        httpUrl: `http://127.0.0.1:${port}`,
        wsUrl: `ws://127.0.0.1:${port}`,
        async take() {
            worker.postMessage('take');
            return next();
        },
        stop: () => worker.terminate(),
    };
}

function serve({ httpUrl, wsUrl, rttMs, jobCreated }) {
    const oneWay = rttMs / 2;
    const agent = new Agent({ keepAlive: true });
    let logs = [];
    let sends = [];
    const later = (work) => (oneWay > 0 ? setTimeout(work, oneWay) : work());

    function noteSend(text, at) {
        if (!text.includes('eth_sendRawTransaction')) return;
        const calls = [JSON.parse(text)].flat();
        for (const call of calls) if (call.method === 'eth_sendRawTransaction') sends.push({ raw: call.params[0], at });
    }
    function noteLog(text, at) {
        if (!text.includes(jobCreated)) return;
        const log = JSON.parse(text).params?.result;
        if (log?.topics?.[0] === jobCreated) logs.push({ jobId: log.topics[1], at });
    }

    const server = createServer((incoming, answer) => {
        const chunks = [];
        incoming.on('data', (chunk) => chunks.push(chunk));
        incoming.on('end', () => {
            const at = performance.now();
            const body = Buffer.concat(chunks);
            noteSend(body.toString(), at);
            later(() => forward(incoming, body, answer));
        });
    });
    server.keepAliveTimeout = 60_000;

    function forward(incoming, body, answer) {
        const headers = { 'content-type': 'application/json', 'content-length': body.length };
        const outgoing = request(httpUrl, { method: incoming.method, agent, headers }, (reply) => {
            const chunks = [];
            reply.on('data', (chunk) => chunks.push(chunk));
            reply.on('end', () =>
                later(() => {
                    answer.writeHead(reply.statusCode, { 'content-type': 'application/json' });
                    answer.end(Buffer.concat(chunks));
                }),
            );
        });
        outgoing.on('error', () => answer.destroy());
        outgoing.end(body);
    }

    // setTimeout keeps the order of equal delays, so messages stay in theirs.
    new WebSocketServer({ server }).on('connection', (node) => {
        const upstream = new WebSocket(wsUrl);
        const ready = new Promise((resolve) => upstream.once('open', resolve));
        node.on('message', (data) => {
            noteSend(data.toString(), performance.now());
            later(async () => {
                await ready;
                upstream.send(data.toString());
            });
        });
        upstream.on('message', (data) => {
            const text = data.toString();
            later(() => {
                noteLog(text, performance.now());
                node.send(text);
            });
        });
        node.on('close', () => upstream.terminate()).on('error', () => upstream.terminate());
        upstream.on('close', () => node.terminate()).on('error', () => node.terminate());
    });

    parentPort.on('message', () => {
        parentPort.postMessage({ logs, sends });
        [logs, sends] = [[], []];
    });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
}

if (!isMainThread && workerData?.jobCreated) serve(workerData);
