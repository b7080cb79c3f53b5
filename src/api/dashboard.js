// Draws the node's state as its server-sent events tell it. Text goes in as text, never as markup.

const $ = (id) => document.getElementById(id);
const SVG = 'http://www.w3.org/2000/svg';
const JOBS = 100;
const HOUR = 3600;

const state = {};
const jobs = new Map(); // id → {job, row}
const hours = new Map(); // start in seconds → [answered, missed, slashed]
let hello = null;
let ahead = 0; // the node's clock less ours, in ms
let byDay = false;

const now = () => Date.now() + ahead;

// ---- elements ----

function el(tag, props = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(props)) {
        if (key === 'class') node.className = value;
        else node.setAttribute(key, value);
    }
    node.append(...children.filter((c) => c !== null && c !== undefined));
    return node;
}

function svg(tag, attributes, text) {
    const node = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
}

// Writes text only where it differs, so that nothing is announced or selected away for nothing.
function write(id, text) {
    const node = $(id);
    if (node.textContent !== text) node.textContent = text;
}

// A tile's figure: text with a small unit behind it, in a tone.
function figure(id, text, unit = '', tone = '') {
    const node = $(id);
    if (node.dataset.shown === `${text}|${unit}|${tone}`) return;
    node.dataset.shown = `${text}|${unit}|${tone}`;
    node.className = tone;
    node.replaceChildren(text, unit ? el('small', {}, unit) : '');
}

// ---- words and numbers ----

const group = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, '\u202f');
const count = (n) => group(String(n));
const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

// An amount in the smallest unit, as at most `digits` digits behind the point that say something.
function amount(units, decimals, digits = 4) {
    const text = units.padStart(decimals + 1, '0');
    const whole = text.slice(0, text.length - decimals);
    const rest = decimals ? text.slice(-decimals) : '';
    const lead = whole === '0' ? rest.search(/[1-9]/) : 0;
    const shown = rest.slice(0, Math.max(0, lead) + digits).replace(/0+$/, '');
    return group(whole) + (shown ? `.${shown}` : '');
}

const token = (address) => (address && state.tokens?.[address]) || null;

function tokens(units, address) {
    const info = token(address);
    if (!info) return { text: count(units), unit: 'units' };
    return { text: amount(units, info.decimals), unit: info.symbol };
}

// A price in the chain's coin: the unit follows the size.
function coin(wei) {
    if (wei.length > 12) return `${amount(wei, 18, 3)} ETH`;
    return wei.length > 6 ? `${amount(wei, 9, 2)} gwei` : `${group(wei)} wei`;
}

function duration(ms) {
    if (ms < 1) return `${Math.round(ms * 1000)} µs`;
    if (ms < 10) return `${ms.toFixed(1)} ms`;
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
    if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
    if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
    if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
    return `${Math.round(ms / 86_400_000)} d`;
}

function ago(ms) {
    const s = Math.round((now() - ms) / 1000);
    return s < 2 ? 'just now' : s < 120 ? `${s} s ago` : `${duration(s * 1000)} ago`;
}
const short = (hex) => `${hex.slice(0, 8)}…${hex.slice(-6)}`;
const ordinal = (n) => ['', '1st', '2nd', '3rd'][n] ?? `${n}th`;

const ERRORS = [
    null,
    'no such code transaction',
    'bad code calldata',
    'the code does not load',
    'deadline exceeded',
    'output too long',
    'the worker died',
];
const OUTCOMES = {
    confirmed: ['answered', 'good'],
    expired: ['missed', 'warn'],
    dropped: ['dropped', ''],
    slashed: ['slashed', 'bad'],
};

function outcome(job) {
    const [word, tone] = OUTCOMES[job.outcome] ?? [job.outcome, ''];
    return { word, tone, why: job.error ? ERRORS[job.error] ?? `error ${job.error}` : null };
}

// ---- this node ----

const REGISTRATIONS = {
    active: ['Active', 'good', 'registered, takes jobs'],
    draining: ['Draining', 'warn', 'gets no new jobs'],
    absent: ['Not registered', 'warn', ''],
    foreign: ['Foreign', 'bad', 'registered to another owner'],
};

function registration(node) {
    if (!node.owner) return ['Not configured', 'warn', 'waits for its owner'];
    if (!node.gas_address) return ['Not configured', 'warn', 'waits for a gas key'];
    if (node.stopping) return ['Stopping', 'warn', 'finishes what it holds'];
    return REGISTRATIONS[node.registration] ?? ['Unknown', '', 'the chain has not answered yet'];
}

function drawNode() {
    const { node } = state;
    const [word, tone, note] = registration(node);
    figure('registration', word, '', tone);
    write('registration-note', note);
    write('enclave', node.enclave);
    const stake = node.stake === null ? null : tokens(node.stake, node.stake_token);
    figure('stake', stake ? stake.text : '–', stake?.unit);
    write('stake-note', node.owner ? `of ${short(node.owner)}` : '');
    document.title = `${word} · Oyster executor`;
    drawFoot();
}

function drawFoot() {
    const { node } = state;
    if (!node || !hello) return;
    const generation = node.generation === null ? '' : ` · contracts of generation ${node.generation}`;
    write('foot', `Version ${hello.version} · chain ${node.chain_id}${generation} · up ${duration(now() - hello.started)}`);
}

function drawGas() {
    const { gas } = state;
    const low = gas.answers_left !== null && gas.answers_left <= 50;
    figure('gas', gas.balance === null ? '–' : amount(gas.balance, 18), gas.balance === null ? '' : 'ETH', low ? 'bad' : '');
    const left = gas.answers_left === null ? null : `pays for ${gas.answers_left > 1e6 ? 'over a million' : count(gas.answers_left)} answers`;
    const out = gas.in_flight + gas.pending ? `${plural(gas.in_flight + gas.pending, 'transaction')} under way` : null;
    write('gas-note', [left, out].filter(Boolean).join(' · '));
    drawSends();
}

function drawChain() {
    const { chain } = state;
    figure('head', chain.head ? count(chain.head) : '–', '', chain.live || !state.node?.following ? '' : 'bad');
    const skew = chain.skew_ms !== null && Math.abs(chain.skew_ms) > 10_000 ? ` · clock off by ${duration(Math.abs(chain.skew_ms))}` : '';
    write('head-note', chain.live ? `live${skew}` : state.node?.following ? 'connection lost' : 'not followed yet');
}

// ---- what needs the operator ----

function needs() {
    const { node, gas, slots, chain, rpc } = state;
    if (!node || !gas || !slots || !chain || !rpc) return [];
    const list = [];
    if (node.registration === 'foreign') list.push('The chain knows this enclave as registered to another owner.');
    if (gas.answers_left !== null && gas.answers_left <= 50) {
        list.push(`The gas account pays for ${plural(gas.answers_left, 'more answer')}: send it funds.`);
    }
    if (rpc.every((e) => !e.up)) list.push('No endpoint answers: nothing can be sent.');
    for (const e of rpc.filter((e) => e.wrong_chain)) list.push(`${e.url} is of another chain and is not used.`);
    if (slots.broken) list.push(`${plural(slots.broken, 'slot')} cannot start a worker: see the node's log.`);
    if (slots.waiting) list.push(`All slots are taken: ${plural(slots.waiting, 'job waits', 'jobs wait')} for one.`);
    if (chain.skew_ms !== null && Math.abs(chain.skew_ms) > 10_000) {
        list.push(`This machine's clock and the chain's are ${duration(Math.abs(chain.skew_ms))} apart.`);
    }
    return list;
}

let neededText = null;
function drawNeeds() {
    const list = needs();
    if (list.join('\n') === neededText) return;
    neededText = list.join('\n');
    $('needs').hidden = list.length === 0;
    $('needs-list').replaceChildren(...list.map((text) => el('li', {}, text)));
}

// ---- slots, live jobs, endpoints ----

function drawSlots() {
    const s = state.slots;
    const parts = [
        ['running', s.running, 'good-fill'],
        ['held ready', s.held, 'held-fill'],
        ['booting', s.booting, 'boot-fill'],
        ['clearing', s.clearing, 'warn-fill'],
        ['resting after a failed start', s.resting, 'bad-fill'],
        ['free', s.empty, 'free-fill'],
    ];
    $('slots-bar').replaceChildren(
        ...parts.filter(([, n]) => n).map(([, n, fill]) => {
            const part = el('span', { class: fill });
            part.style.flexGrow = n;
            return part;
        }),
    );
    const items = parts.filter(([name, n]) => n || name === 'running').map(([name, n, fill]) =>
        el('li', {}, el('span', { class: `key ${fill}`, 'aria-hidden': 'true' }), `${name} `, el('b', {}, count(n))));
    items.push(el('li', {}, 'of ', el('b', {}, count(s.capacity))));
    $('slots-list').replaceChildren(...items);
}

// Words and numbers in one line: the numbers stand out.
function sentence(id, parts) {
    const key = parts.flat().join('|');
    if ($(id).dataset.shown === key) return;
    $(id).dataset.shown = key;
    $(id).replaceChildren(...parts.flatMap(([n, word], i) => [i ? ' · ' : '', n === null ? '' : el('b', {}, count(n)), n === null ? word : `\u00a0${word}`]));
}

function drawCounts() {
    const c = state.counts;
    sentence('since', [[null, 'Since this start'], [c.received, 'received'], [c.confirmed, 'answered'], [c.expired, 'missed'], [c.dropped, 'dropped']]);
}

function drawSends() {
    const g = state.gas;
    sentence('sends', [[null, 'Transactions'], [g.in_flight, 'under way'], [g.pending, 'waiting'], [g.replaced, 'replaced'], [g.reverted, 'refused'], [g.nonce_local, 'is the next nonce']]);
}

function drawLive() {
    const list = state.live;
    $('live-empty').hidden = list.length > 0;
    $('live').closest('table').hidden = list.length === 0;
    write('live-count', list.length ? count(list.length) : '');
    $('live').replaceChildren(...list.slice(0, 20).map((job) => {
        const bar = el('progress', { max: job.deadline_ms || 1, 'aria-label': `Job ${job.id}: time used` });
        bar.dataset.since = job.since;
        return el('tr', {}, el('td', { class: 'job' }, job.id), el('td', {}, job.phase),
            el('td', { class: 'num', 'data-age': job.since }), el('td', {}, bar));
    }));
    drawAges();
}

function drawAges() {
    for (const cell of document.querySelectorAll('[data-age]')) cell.textContent = duration(Math.max(0, now() - cell.dataset.age));
    for (const bar of $('live').querySelectorAll('progress')) bar.value = Math.min(bar.max, Math.max(0, now() - bar.dataset.since));
}

const cell = (label, kind, ...content) => el('td', { role: 'cell', 'data-label': label, class: kind }, ...content);

function endpointState(e) {
    if (e.wrong_chain) return ['wrong chain', 'bad'];
    return e.up ? ['up', 'good'] : ['down', 'bad'];
}

function drawRpc() {
    $('rpc').replaceChildren(...state.rpc.map((e) => {
        const [word, tone] = endpointState(e);
        return el('tr', { role: 'row' },
            cell('Endpoint', 'url mono', e.url),
            cell('State', 'state', el('span', { class: `pill ${tone}` }, word)),
            cell('Latency', 'num', e.latency_us === null ? '–' : duration(e.latency_us / 1000)),
            cell('Head', 'num', e.head === null ? '–' : count(e.head)),
            cell('Requests', 'num', count(e.requests)),
            cell('Failures', 'num', count(e.failures)));
    }));
}

// ---- jobs that are over ----

const unknown = () => el('span', { class: 'unknown' }, 'unknown');

function earned(job) {
    if (job.outcome !== 'confirmed' && job.earned === null) return '–';
    if (job.earned === null) return unknown();
    const { text, unit } = tokens(job.earned, job.token);
    return `${text} ${unit}`.trim();
}

function pastRow(job) {
    const { word, tone, why } = outcome(job);
    const sent = job.outcome === 'confirmed' || job.tx !== null;
    return el('tr', { role: 'row' },
        cell('Job', 'job', el('span', job.tx ? { title: `transaction ${job.tx}` } : {}, `#${job.id}`)),
        cell('Outcome', 'outcome', el('span', { class: `pill ${tone}` }, word), why && el('span', { class: 'why' }, why)),
        cell('Seen', 'seen', el('time', { datetime: new Date(job.seen).toISOString(), 'data-seen': job.seen, title: new Date(job.seen).toLocaleString() }, ago(job.seen))),
        cell('Latency', 'num', job.latency_us === null ? '–' : duration(job.latency_us / 1000)),
        cell('Total time', 'num', job.total_ms === null ? '–' : duration(job.total_ms)),
        cell('Rank', 'num', job.rank === null ? (sent ? unknown() : '–') : ordinal(job.rank)),
        cell('Earned', 'num', earned(job)),
        cell('Gas', 'num', job.gas === null ? (sent ? unknown() : '–') : count(job.gas)),
        cell('Gas cost', 'num', job.cost === null ? (sent ? unknown() : '–') : coin(job.cost)));
}

const sorted = () => [...jobs.values()].sort((a, b) => b.job.seen - a.job.seen || (BigInt(b.job.id) > BigInt(a.job.id) ? 1 : -1));

function takeJobs(list, first) {
    for (const job of list) {
        const row = pastRow(job);
        if (!first && !jobs.has(job.id)) row.className = 'fresh';
        jobs.get(job.id)?.row.remove();
        jobs.set(job.id, { job, row });
    }
    const order = sorted();
    for (const { job, row } of order.splice(JOBS)) {
        row.remove();
        jobs.delete(job.id);
    }
    const body = $('past-rows');
    order.forEach(({ row }, i) => {
        if (body.children[i] !== row) body.insertBefore(row, body.children[i] ?? null);
    });
    $('past-empty').hidden = order.length > 0;
    body.closest('table').hidden = order.length === 0;
    write('past-count', order.length ? count(order.length) : '');
    drawLatency();
    if (!first && list.length) say(list.map((j) => `Job ${j.id} ${outcome(j).word}`).slice(0, 3).join(', '));
}

// Amounts were written before their token was known.
function redrawJobs() {
    takeJobs([...jobs.values()].map(({ job }) => job), true);
}

function drawTimes() {
    for (const node of document.querySelectorAll('time[data-seen]')) {
        const text = ago(Number(node.dataset.seen));
        if (node.textContent !== text) node.textContent = text;
    }
}

// ---- plots ----

const at = (list, part) => list[Math.min(list.length - 1, Math.floor(list.length * part))];

function canvas(id) {
    const box = $(id);
    const width = Math.max(200, Math.round(box.clientWidth));
    const height = Math.max(120, Math.round(box.clientHeight));
    const drawing = svg('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true', focusable: 'false' });
    return { box, width, height, drawing };
}

function drawLatency() {
    const list = sorted().map(({ job }) => job).filter((j) => j.latency_us !== null).reverse();
    const { box, width, height, drawing } = canvas('latency');
    const ms = list.map((j) => Math.max(0.01, j.latency_us / 1000)).sort((a, b) => a - b);
    const low = Math.floor(Math.log10(Math.min(1, ms[0] ?? 1)));
    const high = Math.max(low + 2, Math.ceil(Math.log10(ms.at(-1) ?? 100)));
    const left = 56, bottom = height - 8;
    const y = (v) => bottom - ((Math.log10(v) - low) / (high - low)) * (bottom - 10);
    const x = (i) => (list.length === 1 ? (left + width) / 2 : left + 8 + (i / (list.length - 1)) * (width - left - 16));
    for (let p = low; p <= high; p++) {
        drawing.append(svg('line', { class: 'grid', x1: left, x2: width, y1: y(10 ** p), y2: y(10 ** p) }));
        drawing.append(svg('text', { x: left - 8, y: y(10 ** p) + 4, 'text-anchor': 'end' }, duration(10 ** p)));
    }
    if (list.length) drawing.append(svg('line', { class: 'median', x1: left, x2: width, y1: y(at(ms, 0.5)), y2: y(at(ms, 0.5)) }));
    list.forEach((j, i) => {
        const dot = svg('circle', { class: outcome(j).tone || 'warn', cx: x(i), cy: y(Math.max(0.01, j.latency_us / 1000)), r: 3.4 });
        dot.append(svg('title', {}, `Job ${j.id}: ${duration(j.latency_us / 1000)}`));
        drawing.append(dot);
    });
    box.replaceChildren(drawing);
    const words = ms.length
        ? [['median', at(ms, 0.5)], ['95 of 100 within', at(ms, 0.95)], ['slowest', ms.at(-1)]]
        : [];
    box.setAttribute('aria-label', ms.length
        ? `Latency of the last ${ms.length} answers: ${words.map(([k, v]) => `${k} ${duration(v)}`).join(', ')}`
        : 'No answer yet');
    $('latency-figures').replaceChildren(...words.flatMap(([k, v], i) => [`${i ? ' · ' : ''}${k} `, el('b', {}, duration(v))]));
}

// The bars' numbers, oldest first: [start in seconds, answered, missed, slashed].
function buckets() {
    const step = byDay ? 24 * HOUR : HOUR, n = byDay ? 30 : 48;
    const shift = byDay ? new Date().getTimezoneOffset() * 60 : 0;
    const floor = (s) => Math.floor((s - shift) / step) * step + shift;
    const last = floor(now() / 1000);
    const list = Array.from({ length: n }, (_, i) => [last - (n - 1 - i) * step, 0, 0, 0]);
    for (const [start, counts] of hours) {
        const bucket = list[n - 1 - (last - floor(start)) / step];
        if (bucket) counts.forEach((c, i) => (bucket[i + 1] += c));
    }
    return list;
}

function label(start) {
    const date = new Date(start * 1000);
    return byDay
        ? date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
        : date.toLocaleString(undefined, { weekday: 'short', hour: '2-digit', minute: '2-digit' });
}

function drawBars(drawing, list, { x, wide, zero, up, down }) {
    for (const [i, [start, answered, missed, slashed]] of list.entries()) {
        const bar = svg('g', {});
        let below = zero + 1;
        const tall = (n, unit) => (n ? Math.max(3, n * unit) : 0);
        if (answered) bar.append(svg('rect', { class: 'good', x: x(i), width: wide, y: zero - tall(answered, up), height: tall(answered, up), rx: 1.5 }));
        for (const [n, tone] of [[slashed, 'bad'], [missed - slashed, 'warn']]) { // what was slashed was missed too
            if (n <= 0) continue;
            bar.append(svg('rect', { class: tone, x: x(i), width: wide, y: below, height: tall(n, down), rx: 1.5 }));
            below += tall(n, down) + 1;
        }
        if (bar.children.length) bar.append(svg('title', {}, `${label(start)}: ${answered} answered, ${missed} missed, ${slashed} slashed`));
        drawing.append(bar);
    }
}

function drawTime() {
    const list = buckets();
    const { box, width, height, drawing } = canvas('time');
    const most = 2 * Math.ceil(Math.max(4, ...list.map((b) => b[1])) / 2), worst = Math.max(0, ...list.map((b) => Math.max(b[2], b[3])));
    const left = 56, bottom = height - 20;
    const deep = worst ? Math.min(44, Math.max(14, (bottom - 12) * (worst / (worst + most)))) : 0;
    const zero = bottom - deep;
    const gap = (width - left) / list.length;
    const x = (i) => left + i * gap + gap * 0.14;
    for (const part of [0.5, 1]) {
        const y = zero - (zero - 12) * part;
        drawing.append(svg('line', { class: 'grid', x1: left, x2: width, y1: y, y2: y }));
        drawing.append(svg('text', { x: left - 8, y: y + 4, 'text-anchor': 'end' }, count(most * part)));
    }
    drawing.append(svg('line', { class: 'axis', x1: left, x2: width, y1: zero, y2: zero }));
    drawBars(drawing, list, { x, wide: gap * 0.72, zero, up: (zero - 12) / most, down: worst ? (deep - 4) / worst : 0 });
    for (const i of [0, Math.floor(list.length / 2), list.length - 1]) {
        const anchor = i === 0 ? 'start' : i === list.length - 1 ? 'end' : 'middle';
        const place = i === 0 ? left : i === list.length - 1 ? width : x(i) + gap * 0.36;
        drawing.append(svg('text', { x: place, y: height - 4, 'text-anchor': anchor }, label(list[i][0])));
    }
    box.replaceChildren(drawing);
    const sums = [1, 2, 3].map((k) => list.reduce((sum, b) => sum + b[k], 0));
    ['answered', 'missed', 'slashed'].forEach((name, i) => write(`sum-${name}`, count(sums[i])));
    box.setAttribute('aria-label', `In the last ${byDay ? '30 days' : '48 hours'}: ${sums[0]} answered, ${sums[1]} missed, ${sums[2]} slashed`);
}

function drawDay() {
    const since = now() / 1000 - 24 * HOUR;
    const sums = [0, 0, 0];
    for (const [start, counts] of hours) if (start > since) counts.forEach((c, i) => (sums[i] += c));
    figure('day', count(sums[0]), '', '');
    write('day-note', sums[1] + sums[2] ? `${count(sums[1])} missed, ${count(sums[2])} slashed` : 'none missed, none slashed');
}

for (const [id, value] of [['by-hour', false], ['by-day', true]]) {
    $(id).addEventListener('click', () => {
        byDay = value;
        $('by-hour').setAttribute('aria-pressed', String(!byDay));
        $('by-day').setAttribute('aria-pressed', String(byDay));
        drawTime();
    });
}

// ---- announcements ----

let saidAt = 0, toSay = '';
function say(text) {
    toSay = text;
    setTimeout(() => {
        if (!toSay || Date.now() - saidAt < 3000) return;
        saidAt = Date.now();
        write('said', toSay);
        toSay = '';
    }, Math.max(0, 3000 - (Date.now() - saidAt)));
}

function link(kind, text) {
    $('link').dataset.state = kind;
    write('link-text', text);
}

// ---- events ----

const DRAW = { node: drawNode, gas: drawGas, slots: drawSlots, counts: drawCounts, live: drawLive, chain: drawChain, rpc: drawRpc };

function takeState(part) {
    Object.assign(state, part);
    for (const key of Object.keys(part)) DRAW[key]?.();
    if (part.tokens) {
        drawNode();
        redrawJobs();
    }
    drawNeeds();
}

function takeHours(list) {
    for (const [start, ...counts] of list) hours.set(start, counts);
    drawTime();
    drawDay();
}

function takeClock({ now: theirs }) {
    ahead = theirs - Date.now();
    link('live', 'live');
}

let fresh = false; // a connection that has not told its jobs yet
function takeHello(message) {
    if (hello && hello.version !== message.version) location.reload(); // this page is of another version
    hello = message;
    fresh = true;
    takeClock(message);
    hours.clear();
    drawTime();
    drawDay();
}

function listen() {
    const source = new EventSource('/dashboard/events');
    const on = (name, fn) => source.addEventListener(name, (event) => fn(JSON.parse(event.data)));
    on('hello', takeHello);
    on('state', takeState);
    on('jobs', (list) => {
        takeJobs(list, fresh);
        fresh = false;
    });
    on('hours', takeHours);
    on('tick', takeClock);
    source.addEventListener('error', () => {
        link('lost', 'no connection, trying again');
        if (source.readyState !== EventSource.CLOSED) return; // it comes back by itself
        source.close();
        setTimeout(listen, 3000);
    });
}

function drawPlots() {
    drawLatency();
    drawTime();
}

new ResizeObserver(drawPlots).observe($('latency'));
setInterval(() => {
    drawTimes();
    drawFoot();
}, 1000);
setInterval(drawAges, 200);
takeJobs([], true);
drawTime();
listen();
