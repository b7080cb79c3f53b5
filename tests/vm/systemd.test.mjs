// The unit as it is handed out, under the systemd of this machine in a virtual machine with cgroup version 2: behind all
// of its walls workers live, jobs are answered, a reload is taken, a stop is clean.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { getBytes } from 'ethers';
import { Devnet } from '../../devnet/lib/devnet.mjs';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { assert, createJob, saveCode, textOf, waitAnswer, waitFor } from '../e2e/harness.mjs';
import { Vm, packImage, scenarios } from './vm.mjs';
import { API_PORT, NODE, VmNode } from './vm_node.mjs';

const SYSTEMD = '/usr/lib/systemd/systemd';
const NAME = 'oyster-serverless-executor';
const UNIT = `deploy/systemd/${NAME}.service`;
const ETC = `/etc/${NAME}`;
const LOG = '/run/node.log'; // there is no journal inside
const HELLO = 'export default { async fetch(r) { return new Response(`hello ${await r.text()}`); } };';

describe('the node as a service of systemd', { skip: !existsSync(SYSTEMD) && `no ${SYSTEMD} here` }, () => {
    const dir = mkdtempSync(join(tmpdir(), 'oyster-systemd-'));
    let net, vm, node;

    before(async () => {
        const image = join(dir, 'image');
        const hostPrograms = [SYSTEMD, '/usr/bin/systemctl'];
        packImage(image, { build: process.env.OYSTER_BUILD, programs: [NODE], files: [UNIT], hostPrograms });
        net = await Devnet.start({ generation: 2 });
        vm = await Vm.start({ dir, image, outward: net.chain.port, inward: API_PORT, kernelArgs: 'vminit=systemd' });
        node = new VmNode({ vm, dir, chain: net.chain, contracts: net.contracts, config: { job_capacity: 3, warm_workers: 1 } });
        for (const key of ['state_dir', 'ledger_file', 'enclave_signer_file', 'metrics_addr']) delete node.config[key];
        node.config.enclave_signer_file = '/nowhere'; // the unit's flag names the credential
        await vm.write(`${ETC}/config.json`, JSON.stringify(node.config), '640');
        await vm.write(`${ETC}/id.sec`, getBytes(node.key.privateKey), '600');
        await vm.write(`/run/systemd/system/${NAME}.service.d/log.conf`, `[Service]\nStandardError=append:${LOG}\n`);
        await vm.get(`
            echo 'oyster-executor:x:990:990::/:/bin/false' >>/etc/passwd
            echo 'oyster-executor:x:990:' >>/etc/group
            chgrp oyster-executor ${ETC}/config.json
            mkdir -p /usr/bin && ln -s /app/${NODE} /usr/bin/${NAME}
            cp /app/${UNIT} /run/systemd/system/
            systemctl daemon-reload`);
    });

    after(async () => {
        await vm?.stop();
        await net?.stop();
        rmSync(dir, { recursive: true });
    });

    const look = `systemctl --no-pager status ${NAME}; tail -n 40 ${LOG}; dmesg | tail -n 30`;
    const scenario = scenarios(async () => (await vm.run(look)).output);
    const show = (property) => vm.get(`systemctl show --value -p ${property} ${NAME}`);

    scenario('it starts, says that it is ready, and is nobody in particular', async () => {
        await vm.get(`systemctl start ${NAME}`);
        assert.equal(await show('NRestarts'), '0');
        assert.equal(await show('ActiveState'), 'active');
        assert.match(await show('StatusText'), /^waiting for /);
        const pid = await show('MainPID');
        const status = await vm.read(`/proc/${pid}/status`);
        assert.match(status, /^Uid:\t990\t990\t990\t990$/m);
        assert.match(status, /^CapBnd:\t0+$/m);
        assert.match(status, /^Seccomp:\t2$/m);
        assert.match(await vm.get(`ls -ln ${ETC}/config.json`), /^-rw-r----- .* 0 +990 /); // as the guide has it
        assert.match(await vm.read(`/proc/${pid}/cgroup`), new RegExp(`^0::/system.slice/${NAME}.service/node$`));
    });

    scenario('a job is answered', async () => {
        await net.configure(node);
        // no enclave, so no module: the document is the hypervisor's own
        await net.register(node, { document: await net.attestor.document(node.publicKey) });
        const codehash = await saveCode(net.contracts, net.author, HELLO);
        const job = await createJob(net.contracts, { codehash, inputs: 'you', deadline: 180_000 });
        const answer = await waitAnswer(net.contracts, job.id, { timeoutMs: 200_000 });
        assert.equal(answer.errorCode, 0);
        assert.equal(textOf(answer.output), 'hello you');
        await waitFor('the status', async () => /^active, 0 jobs open/.test(await show('StatusText')), { timeoutMs: 60_000 });
        const groups = await vm.get(`ls /sys/fs/cgroup/system.slice/${NAME}.service`);
        assert.match(groups, /^workerd_3$/m);
    });

    scenario('a reload is taken', async () => {
        node.config.log_level = 'debug';
        await vm.write(`${ETC}/config.json`, JSON.stringify(node.config), '640');
        await vm.get(`systemctl reload ${NAME}`);
        await waitFor('the reload', async () => (await vm.read(LOG)).includes('config_changed key=log_level'));
        assert.equal(await show('ActiveState'), 'active');
    });

    scenario('a stop is clean, and the ledger stays', async () => {
        const pid = await show('MainPID');
        await vm.get(`systemctl stop ${NAME}`);
        assert.equal(await show('Result'), 'success');
        assert.equal(await show('ActiveState'), 'inactive');
        assert.equal((await vm.run(`test -e /proc/${pid}`)).status, 1);
        assert.match(await vm.get(`ls -ln /var/lib/${NAME}`), /990 .*990 .*\.db$/m);
        assert.equal((await vm.run(`test -e /run/${NAME}`)).status, 1);
    });

    test('the unit inside is the one that is handed out', async () => {
        assert.equal(await vm.get(`cat /run/systemd/system/${NAME}.service`), readFileSync(join(ROOT, UNIT), 'utf8').trim());
    });
});
