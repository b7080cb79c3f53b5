// What a job can see of its surroundings, one property a line: "name<TAB>value". environment_test runs this in a worker
// of the pool and in a plain `workerd serve`, and compares line by line.
import * as self from "./main";
const top = {
    stack: new Error("top").stack,
    meta: JSON.stringify(import.meta),
    metaKeys: Reflect.ownKeys(import.meta).map(String).join(),
    random: typeof Math.random(),
    now: String(Date.now()),
    timer: attempt(() => setTimeout(() => {}, 1)),
    fetch: attempt(() => fetch("http://x.test/")),
    bytes: attempt(() => crypto.getRandomValues(new Uint8Array(1))),
    uuid: attempt(() => crypto.randomUUID()),
};

function attempt(f) {
    try {
        return typeof f();
    } catch (e) {
        return String(e);
    }
}

async function settle(p) {
    return p.then((v) => "value " + typeof v, (e) => String(e));
}

function names(o) {
    return Object.getOwnPropertyNames(o).sort().join();
}

function prototypeNames(o) {
    const all = [];
    for (let p = Object.getPrototypeOf(o); p && p !== Object.prototype; p = Object.getPrototypeOf(p)) all.push(names(p));
    return all.join("|");
}

function strip(cf) {
    if (!cf) return String(cf);
    return JSON.stringify({ ...cf, clientIp: String(cf.clientIp).split(":")[0] });
}

export default {
    async fetch(request, env, ctx, ...more) {
        const text = await request.clone().text();
        const entries = {
            "arguments": String(arguments.length) + more.length,
            "this": names(this),
            "self": names(self),
            "globals": names(globalThis),
            "global prototype": prototypeNames(globalThis),
            "global tag": String(globalThis),
            "method": request.method,
            "url": request.url,
            "headers": JSON.stringify([...request.headers]),
            "cf": strip(request.cf),
            "redirect": request.redirect,
            "body kind": String(request.body),
            "body text": text,
            "body used": String(request.bodyUsed),
            "signal": String(request.signal) + request.signal?.aborted,
            "fetcher": String(request.fetcher),
            "integrity": String(request.integrity),
            "cache mode": attempt(() => request.cache),
            "request names": names(request),
            "request prototype": prototypeNames(request),
            "env": JSON.stringify(env) + names(env),
            "ctx": names(ctx),
            "ctx prototype": prototypeNames(ctx),
            "ctx props": JSON.stringify(ctx.props),
            "ctx exports": String(ctx.exports),
            "user agent": navigator.userAgent,
            "navigator": prototypeNames(navigator),
            "hardware": String(navigator.hardwareConcurrency),
            "languages": String(navigator.languages),
            "performance": prototypeNames(performance) + performance.timeOrigin,
            "WebAssembly": names(WebAssembly),
            "crypto": prototypeNames(crypto) + prototypeNames(crypto.subtle),
            "Intl": JSON.stringify(Intl.DateTimeFormat().resolvedOptions()),
            "time zone": String(new Date(0)),
            "stack": new Error("inside").stack,
            "top-level stack": top.stack,
            "import.meta": top.meta + top.metaKeys,
            "top-level random": top.random,
            "top-level clock": top.now,
            "top-level timer": top.timer,
            "top-level fetch": top.fetch,
            "top-level bytes": top.bytes,
            "top-level uuid": top.uuid,
            "eval": attempt(() => eval("1")),
            "Function": attempt(() => new Function("return 1")()),
            "wasm bytes": attempt(() => new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))),
            "import nope": await settle(import("nope")),
            "import ./nope.js": await settle(import("./nope.js")),
            "import node:fs": await settle(import("node:fs")),
            "import e": await settle(import("./e")),
            "import unsafe": await settle(import("workerd:unsafe")),
            "import sockets": await settle(import("cloudflare:sockets")),
            "import workers": names(await import("cloudflare:workers")),
            "cache": await settle(caches.default.match("http://x.test/")),
            "caches open": await settle(caches.open("x")),
            "Response of string": String(new Response("x").headers.get("content-type")),
            "status range": attempt(() => new Response("x", { status: 700 })),
            "structuredClone": attempt(() => structuredClone(() => {})),
            "queueMicrotask": typeof queueMicrotask,
            "scheduler": attempt(() => prototypeNames(scheduler)),
            "WebSocketPair": attempt(() => names(new WebSocketPair())),
            "unhandled": attempt(() => reportError),
            "abort reason": String(AbortSignal.abort().reason),
            "URL": attempt(() => new URL("http://exa mple/").href),
        };
        return new Response(Object.entries(entries).map(([k, v]) => k + "\t" + String(v).replace(/\n/g, "\\n")).join("\n") + "\nend\n");
    },
};
