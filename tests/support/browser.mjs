// Chromium without a window, driven over its DevTools protocol. It may talk to 127.0.0.1 alone: names do not resolve,
// everything else goes to a proxy that does not exist, and what sockets it opened is read from its own network log.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { Child, waitFor } from '../../devnet/lib/proc.mjs';

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const OFF = ['OptimizationHints', 'MediaRouter', 'Translate', 'AutofillServerCommunication', 'DialMediaRouteProvider'];

export const browserProgram = () => process.env.CHROMIUM ?? PROGRAMS.find((path) => existsSync(path));

const flags = (dir) => [
    '--headless=new',
    '--no-sandbox', // tests run as root
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--hide-scrollbars',
    '--force-color-profile=srgb',
    '--lang=en-GB',
    '--remote-debugging-port=0',
    `--user-data-dir=${join(dir, 'profile')}`,
    `--log-net-log=${join(dir, 'net.json')}`,
    '--proxy-server=http://127.0.0.1:9',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-default-apps',
    '--disable-domain-reliability',
    '--disable-client-side-phishing-detection',
    '--disable-extensions',
    '--disable-sync',
    '--disable-breakpad',
    '--disable-quic',
    `--disable-features=${OFF.join(',')}`,
    '--metrics-recording-only',
    '--no-first-run',
    '--no-default-browser-check',
    '--no-pings',
    'about:blank',
];

export class Browser {
    #next = 1;
    #waiting = new Map();
    #listeners = [];

    static async start() {
        const browser = new Browser();
        browser.dir = mkdtempSync(join(tmpdir(), 'oyster-browser-'));
        browser.child = new Child('chromium', browserProgram(), flags(browser.dir), {
            logFile: join(browser.dir, 'log'),
            env: { ...process.env, HOME: browser.dir, XDG_CONFIG_HOME: browser.dir, XDG_CACHE_HOME: browser.dir, LANGUAGE: 'en_GB' },
        });
        try {
            const url = await waitFor(
                'chromium to listen',
                () => {
                    if (!browser.child.running) throw new Error(`chromium ended: ${browser.child.log()}`);
                    return browser.child.log().match(/DevTools listening on (ws:\S+)/)?.[1];
                },
                { timeoutMs: 60_000 },
            );
            await browser.#connect(url);
        } catch (e) {
            await browser.stop();
            throw e;
        }
        return browser;
    }

    async #connect(url) {
        this.socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 1 << 28 });
        await new Promise((resolve, reject) => this.socket.once('open', resolve).once('error', reject));
        this.socket.on('message', (data) => this.#take(JSON.parse(data)));
    }

    #take(message) {
        const { id, method, params, result, error, sessionId } = message;
        if (id === undefined) {
            for (const listener of this.#listeners) listener(method, params, sessionId);
            return;
        }
        const { resolve, reject, what } = this.#waiting.get(id);
        this.#waiting.delete(id);
        if (error) reject(new Error(`${what}: ${error.message}`));
        else resolve(result);
    }

    send(method, params = {}, sessionId = undefined) {
        const id = this.#next++;
        return new Promise((resolve, reject) => {
            this.#waiting.set(id, { resolve, reject, what: method });
            this.socket.send(JSON.stringify({ id, method, params, sessionId }));
        });
    }

    onEvent(listener) {
        this.#listeners.push(listener);
    }

    async newPage() {
        const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
        const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
        const page = new Page(this, sessionId);
        for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await page.send(`${domain}.enable`);
        return page;
    }

    // Ends it and returns the addresses that it opened TCP connections to, or sent datagrams to.
    async stop() {
        if (this.socket?.readyState === WebSocket.OPEN) await this.send('Browser.close').catch(() => {});
        this.socket?.terminate();
        const timer = setTimeout(() => this.child.process.kill('SIGKILL'), 15_000);
        await this.child.exited;
        clearTimeout(timer);
        const addresses = this.#addresses();
        rmSync(this.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
        return addresses;
    }

    #addresses() {
        const file = join(this.dir, 'net.json');
        if (!existsSync(file)) return null;
        const { constants, events } = JSON.parse(readFileSync(file, 'utf8'));
        const connect = constants.logEventTypes.TCP_CONNECT_ATTEMPT;
        const sent = constants.logEventTypes.UDP_BYTES_SENT;
        const tcp = events.filter((e) => e.type === connect && e.params?.address).map((e) => e.params.address);
        const udp = events.filter((e) => e.type === sent).map((e) => `datagram to ${e.params?.address ?? 'somewhere'}`);
        return [...new Set([...tcp, ...udp])];
    }
}

// One tab. requests: every URL asked for; complaints: console errors and warnings, uncaught errors, log entries.
export class Page {
    requests = [];
    complaints = [];

    constructor(browser, sessionId) {
        this.browser = browser;
        this.sessionId = sessionId;
        browser.onEvent((method, params, from) => from === sessionId && this.#note(method, params));
    }

    #note(method, params) {
        if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
        if (method === 'Runtime.exceptionThrown') {
            this.complaints.push({ kind: 'exception', text: params.exceptionDetails.exception?.description ?? params.exceptionDetails.text });
        }
        if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type)) {
            this.complaints.push({ kind: 'console', text: params.args.map((a) => a.value ?? a.description).join(' ') });
        }
        if (method === 'Log.entryAdded' && params.entry.level !== 'info' && params.entry.level !== 'verbose') {
            this.complaints.push({ kind: params.entry.source, text: params.entry.text, url: params.entry.url });
        }
    }

    send(method, params) {
        return this.browser.send(method, params, this.sessionId);
    }

    open(url) {
        return this.send('Page.navigate', { url });
    }

    // The value of a function of the page's own world, called with JSON arguments.
    async run(fn, ...args) {
        const expression = `(${fn})(...${JSON.stringify(args)})`;
        const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
    }

    // Waits until the function returns something truthy, and returns that.
    until(what, fn, args = [], { timeoutMs = 30_000, everyMs = 50 } = {}) {
        return waitFor(what, () => this.run(fn, ...args), { timeoutMs, everyMs });
    }

    async press(key, { code = key, keyCode = { Tab: 9, Enter: 13 }[key], text } = {}) {
        const event = { key, code, windowsVirtualKeyCode: keyCode, nativeVirtualKeyCode: keyCode };
        await this.send('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', text, ...event });
        await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
    }

    resize(width, height, { mobile = false, scale = 1 } = {}) {
        return this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: scale, mobile });
    }

    // colours: "light" or "dark".
    scheme(colours) {
        const features = [
            { name: 'prefers-color-scheme', value: colours },
            { name: 'prefers-reduced-motion', value: 'reduce' },
        ];
        return this.send('Emulation.setEmulatedMedia', { features });
    }

    // A PNG of the page from its top: all of it, or `height` pixels.
    async shot(height = undefined) {
        const { cssContentSize } = await this.send('Page.getLayoutMetrics');
        const clip = { x: 0, y: 0, width: cssContentSize.width, height: height ?? cssContentSize.height, scale: 1 };
        const { data } = await this.send('Page.captureScreenshot', { format: 'png', clip, captureBeyondViewport: true });
        return Buffer.from(data, 'base64');
    }
}
