// The enclave's image: built twice, in other folders and circumstances, it is the same to the bit.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assert } from '../e2e/harness.mjs';
import { buildCopy } from './enclave_build.mjs';

const PARTS = ['kernel', 'cmdline', 'ramdisk1', 'ramdisk2', 'oyster.eif'];
const SHIPPED_MAX = 60 << 20; // bytes of all parts together

describe('the image of the enclave', () => {
    const dir = mkdtempSync(join(tmpdir(), 'oyster-enclave-'));
    let first, second;

    before(async () => {
        const config = join(dir, 'config.json');
        writeFileSync(config, JSON.stringify({
            common_chain_id: 31337,
            http_rpc_url: 'http://10.0.2.100:8545',
            web_socket_url: 'ws://10.0.2.100:8545',
            executors_contract_addr: `0x${'11'.repeat(20)}`,
            jobs_contract_addr: `0x${'22'.repeat(20)}`,
            code_contract_addr: `0x${'33'.repeat(20)}`,
            execution_buffer_time: 10,
            num_selected_executors: 3,
        }));
        const args = ['--config', config];
        first = buildCopy(join(dir, 'a'), { args });
        const env = { TZ: 'Asia/Tokyo', LC_ALL: 'tr_TR.UTF-8', CFLAGS: '-g', USER: 'somebody', SOURCE_DATE_EPOCH: '1' };
        second = buildCopy(join(dir, 'another', 'and', 'deeper'), { args, umask: '077', env });
    });

    after(() => rmSync(dir, { recursive: true }));

    for (const part of PARTS) {
        test(`has the same ${part} in both builds`, () => {
            const [a, b] = [first, second].map((build) => readFileSync(join(build.dir, part)));
            assert.ok(a.length > 0);
            assert.ok(a.equals(b), `${part}: ${a.length} and ${b.length} bytes`);
        });
    }

    test('is small, and says of what it is made', () => {
        console.log(first.output);
        const bytes = readFileSync(join(first.dir, 'oyster.eif')).length;
        assert.ok(bytes < SHIPPED_MAX, `${bytes} bytes`);
        for (const part of ['workerd', 'libraries', 'oyster-serverless-executor', 'together']) {
            assert.match(first.output, new RegExp(`MiB  .*${part}`));
        }
    });
});
