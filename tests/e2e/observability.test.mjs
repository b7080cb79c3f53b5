// What is shipped for Prometheus and Grafana: the rules do what they say, and everything asks for metrics that the node
// really has.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { blocksOf, kindOf } from '../docs/markdown.mjs';
import { assert, scenario, useDevnet } from './harness.mjs';

const PROMETHEUS = join(ROOT, 'deploy', 'prometheus');
const rules = readFileSync(join(PROMETHEUS, 'alerts.yml'), 'utf8');
const grafana = JSON.parse(readFileSync(join(ROOT, 'deploy', 'grafana', 'oyster-executor.json'), 'utf8'));

function promtool(args, cwd) {
    const path = execFileSync(join(ROOT, 'tools', 'promtool.sh'), { encoding: 'utf8' }).trim();
    return execFileSync(path, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
}

// The queries of the dashboard, with its variables filled in as Grafana would.
const queries = grafana.panels
    .flatMap((panel) => panel.targets.map((target) => target.expr))
    .map((expr) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$job', '.*').replaceAll('$instance', '.*'));

// {name, labels: [[key, word], …]} of each selector in a text of PromQL.
function selectors(text) {
    return [...text.matchAll(/\b((?:oyster_executor|process)_\w+)(?:\{([^}]*)\})?/g)].map(([, name, inside = '']) => ({
        name,
        labels: [...inside.matchAll(/(\w+)\s*(=~?)\s*"([^"]*)"/g)].map(([, key, , value]) => [key, value]),
    }));
}

test('the alert rules are valid and do what they say', () => {
    assert.match(promtool(['check', 'rules', 'alerts.yml'], PROMETHEUS), /SUCCESS: \d+ rules found/);
    assert.match(promtool(['test', 'rules', 'alerts_test.yml'], PROMETHEUS), /SUCCESS/);
});

test('each alert says how bad it is, what happened and where to read on, and is tried', () => {
    const tried = readFileSync(join(PROMETHEUS, 'alerts_test.yml'), 'utf8');
    const alerts = rules.split('- alert: ').slice(1);
    assert.ok(alerts.length >= 7);
    for (const alert of alerts) {
        const name = alert.match(/^\w+/)[0];
        for (const part of [/severity: (warning|critical)\n/, /summary: \S/, /description: \S/, /runbook: docs\/operators\.md#alert-[a-z-]+\n/]) {
            assert.match(alert, part, name);
        }
        assert.match(tried, new RegExp(`alertname: ${name}\n\\s+exp_alerts:\n`), `${name} is seen firing`);
        assert.match(tried, new RegExp(`alertname: ${name}, exp_alerts: \\[\\] `), `${name} is seen silent`);
    }
});

// As the headings of Markdown become anchors.
const OPERATORS = join(ROOT, 'docs', 'operators.md');
test('what an alert means stands where it points', () => {
    const headings = [...readFileSync(OPERATORS, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text]) => text);
    const anchors = new Set(headings.map((text) => text.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-')));
    const asked = [...rules.matchAll(/runbook: docs\/operators\.md#(\S+)/g)].map(([, anchor]) => anchor);
    assert.deepEqual(asked.filter((anchor) => !anchors.has(anchor)), []);
});

test('the configuration of Prometheus that the guide shows is one, and finds the node by the name that the rules want', () => {
    const dir = mkdtempSync(join(tmpdir(), 'oyster-rules-'));
    try {
        const shown = blocksOf(readFileSync(OPERATORS, 'utf8')).find((block) => kindOf(block).value === 'prometheus.yml').code;
        const installed = '/usr/local/share/oyster-serverless-executor/prometheus/alerts.yml';
        assert.ok(shown.includes(installed));
        writeFileSync(join(dir, 'prometheus.yml'), shown.replace(installed, join(PROMETHEUS, 'alerts.yml')));
        assert.match(promtool(['check', 'config', 'prometheus.yml'], dir), /SUCCESS: \d+ rules found/);
        const [, job] = shown.match(/job_name: (\S+)/);
        const [, wanted] = rules.match(/up\{job=~"([^"]+)"\}/);
        assert.match(job, new RegExp(`^${wanted}$`));
    } finally {
        rmSync(dir, { recursive: true });
    }
});

test('the queries of the Grafana dashboard are PromQL', () => {
    const dir = mkdtempSync(join(tmpdir(), 'oyster-rules-'));
    try {
        const records = queries.map((expr, i) => ({ record: `q${i}`, expr }));
        writeFileSync(join(dir, 'queries.yml'), JSON.stringify({ groups: [{ name: 'queries', rules: records }] }));
        assert.match(promtool(['check', 'rules', 'queries.yml'], dir), new RegExp(`SUCCESS: ${queries.length} rules`));
    } finally {
        rmSync(dir, { recursive: true });
    }
});

test('the panels of the Grafana dashboard have a name, a place of their own and a data source', () => {
    const places = new Set();
    for (const panel of grafana.panels) {
        assert.ok(panel.title && panel.description && panel.targets.length, panel.title);
        assert.equal(panel.datasource.uid, '${datasource}');
        const { x, y, w } = panel.gridPos;
        for (let i = x; i < x + w; i++) {
            assert.ok(i < 24 && !places.has(`${i},${y}`), `${panel.title} lies on another`);
            places.add(`${i},${y}`);
        }
    }
    assert.equal(new Set(grafana.panels.map((p) => p.id)).size, grafana.panels.length);
});

describe('metrics that are asked for', () => {
    const holder = useDevnet({ generation: 2 }, async (net, holder) => {
        holder.node = await net.addNode();
    });

    scenario('are those that the node has, with their labels', holder, async () => {
        const page = await (await fetch(`${holder.node.monitorUrl}/metrics`)).text();
        const types = new Map([...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
        const words = new Set([...page.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => `${key}=${value}`));
        const guide = readFileSync(OPERATORS, 'utf8');
        const asked = [...queries, guide, ...rules.split('\n').filter((line) => !/summary|description/.test(line))].flatMap(selectors);
        assert.ok(asked.length > 40);
        for (const { name, labels } of asked) {
            const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
            assert.ok(types.has(family), `${name} is not in /metrics`);
            if (family !== name) assert.equal(types.get(family), 'histogram', name);
            for (const [key, value] of labels) {
                if (['job', 'instance'].includes(key)) continue;
                for (const word of value.split('|')) assert.ok(words.has(`${key}=${word}`), `${name}{${key}="${word}"} never is`);
            }
        }
    });
});
