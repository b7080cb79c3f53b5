// When a contract's logs come to a subscriber, to the millisecond: in a thread of its own, which nothing else keeps busy.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { WebSocket } from 'ws';

const nameOf = (topics) => `${topics[0]} ${BigInt(topics[1])}`;

// Returns {at(event, jobId): ms or undefined, stop}.
export async function followLogs(wsUrl, contract) {
    const seen = new Map();
    const worker = new Worker(new URL(import.meta.url), { workerData: { wsUrl, address: contract.target } });
    await new Promise((resolve, reject) => {
        worker.once('error', reject).on('message', ({ topics, at }) => (topics ? seen.set(nameOf(topics), at) : resolve()));
    });
    return {
        at: (event, jobId) => seen.get(nameOf([contract.interface.getEvent(event).topicHash, jobId])),
        stop: () => worker.terminate(),
    };
}

function follow({ wsUrl, address }) {
    const socket = new WebSocket(wsUrl);
    const subscribe = { jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['logs', { address }] };
    socket.on('open', () => socket.send(JSON.stringify(subscribe)));
    socket.on('message', (data) => {
        const at = performance.now();
        const message = JSON.parse(data);
        parentPort.postMessage(message.id === 1 ? {} : { topics: message.params.result.topics, at });
    });
}

if (!isMainThread && workerData?.address) follow(workerData);
