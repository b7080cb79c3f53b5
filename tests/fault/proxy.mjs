// A proxy between a node and its chain that misbehaves as it is told, per request and per notification, while it runs.
import { Agent, createServer, request } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

// A fault is an object of hooks, each optional:
//   http(call, forward, reply): what becomes of one JSON-RPC request. forward() asks the chain → {status, text};
//       reply(text, {status, headers}) answers; DESTROY cuts the connection, STALL never answers. Returns one of these.
//   notify(message, send, socket): an eth_subscription message on its way to the node; send(text) hands it on.
//   subscribe(call, socket): an eth_subscribe of the node; returns the text of an answer, or undefined to pass it on.
//   upgrade(socket): a WebSocket connection is asked for; returns true where the hook has dealt with it.
export const DESTROY = Symbol('destroy');
export const STALL = Symbol('stall');

export class FaultProxy {
    static async start(chain) {
        const proxy = new FaultProxy();
        Object.assign(proxy, { chainId: chain.chainId, target: chain, fault: {}, sockets: new Set(), ws: new Set() });
        proxy.agent = new Agent({ keepAlive: true });
        proxy.server = createServer((incoming, answer) => proxy.#onRequest(incoming, answer));
        proxy.server.keepAliveTimeout = 60_000;
        proxy.upgrader = new WebSocketServer({ noServer: true });
        proxy.server.on('upgrade', (incoming, socket, head) => proxy.#onUpgrade(incoming, socket, head));
        proxy.server.on('connection', (socket) => {
            proxy.sockets.add(socket);
            socket.on('close', () => proxy.sockets.delete(socket));
            socket.on('error', () => {});
        });
        await new Promise((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
        proxy.httpUrl = `http://127.0.0.1:${proxy.server.address().port}`;
        proxy.wsUrl = `ws://127.0.0.1:${proxy.server.address().port}`;
        return proxy;
    }

    // Cuts every WebSocket, without a closing handshake.
    cutStreams() {
        for (const socket of this.ws) socket.terminate();
    }

    async stop() {
        this.fault = {};
        this.cutStreams();
        for (const socket of this.sockets) socket.destroy();
        this.agent.destroy();
        await new Promise((resolve) => this.server.close(resolve));
    }

    #forward(body) {
        return new Promise((resolve, reject) => {
            const headers = { 'content-type': 'application/json', 'content-length': body.length };
            const outgoing = request(this.target.httpUrl, { method: 'POST', agent: this.agent, headers }, (reply) => {
                const chunks = [];
                reply.on('data', (chunk) => chunks.push(chunk));
                reply.on('end', () => resolve({ status: reply.statusCode, text: Buffer.concat(chunks).toString() }));
            });
            outgoing.on('error', reject);
            outgoing.end(body);
        });
    }

    async #onRequest(incoming, answer) {
        const chunks = [];
        for await (const chunk of incoming) chunks.push(chunk);
        const body = Buffer.concat(chunks);
        const reply = (text, { status = 200, headers = {} } = {}) => {
            answer.writeHead(status, { 'content-type': 'application/json', ...headers });
            answer.end(text);
        };
        try {
            const forward = () => this.#forward(body);
            const hook = this.fault.http ?? (async (call, pass, done) => done((await pass()).text));
            const outcome = await hook(JSON.parse(body), forward, reply, answer);
            if (outcome === DESTROY) answer.destroy();
        } catch {
            answer.destroy();
        }
    }

    #onUpgrade(incoming, socket, head) {
        if (this.fault.upgrade?.(socket)) return;
        this.upgrader.handleUpgrade(incoming, socket, head, (node) => this.#join(node));
    }

    #join(node) {
        const chain = new WebSocket(this.target.wsUrl);
        const ready = new Promise((resolve) => chain.once('open', resolve));
        this.ws.add(node);
        node.on('message', async (data) => {
            const call = JSON.parse(data);
            const text = call.method === 'eth_subscribe' ? this.fault.subscribe?.(call, node) : undefined;
            if (text !== undefined) return node.send(text);
            await ready;
            return chain.send(data.toString());
        });
        chain.on('message', (data) => {
            const message = JSON.parse(data);
            const send = (text = data.toString()) => node.readyState === WebSocket.OPEN && node.send(text);
            if (message.method === 'eth_subscription' && this.fault.notify) this.fault.notify(message, send, node);
            else send();
        });
        const end = () => {
            this.ws.delete(node);
            node.terminate();
            chain.terminate();
        };
        node.on('close', end).on('error', end);
        chain.on('close', end).on('error', end);
    }
}
