// docs/oysterctl.md is true: every example runs as it stands, in the document's order, against a chain and a node; every
// command, option and exit code stands in the document and in the man page.
import { copyFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { encryptKeystoreJson, parseEther, toUtf8Bytes } from 'ethers';
import { ROOT, workerdDir } from '../../devnet/lib/paths.mjs';
import { blocksOf, kindOf } from '../docs/markdown.mjs';
import { Session } from '../docs/session.mjs';
import { attestationFile, ctlBinary, keyFile, oysterctl } from './ctl.mjs';
import { assert, readFileSync, scenario, useDevnet } from './harness.mjs';

const MANUAL = readFileSync(join(ROOT, 'docs', 'oysterctl.md'), 'utf8');
const MAN_PAGE = readFileSync(join(dirname(ctlBinary()), 'oysterctl.1'), 'utf8').replaceAll('\\-', '-');
const examples = blocksOf(MANUAL).filter((block) => kindOf(block).kind === 'run');

// "stake add" → its group's line in --help begins with two blanks and the name.
async function commandNames() {
    const { stdout } = await oysterctl(['--help']);
    const upTo = stdout.indexOf('"oysterctl COMMAND --help"');
    return [...stdout.slice(0, upTo).matchAll(/^ {2}([a-z]+(?: [a-z]+)?)(?= )/gm)].map((m) => m[1]);
}

describe('the manual of oysterctl', () => {
    const holder = useDevnet({ generation: 2 }, async (net, h) => {
        const node = net.newNode();
        await node.start();
        h.node = node;
        keyFile(net.dir, 'gas', net.newGasAccount());
        const { enclave_public_key: pubkey } = await node.details();
        copyFileSync(node.configFile, join(net.dir, 'config.json'));
        copyFileSync(await attestationFile(net, pubkey), join(net.dir, 'attestation.json'));
        writeFileSync(join(net.dir, 'document.bin'), await net.attestor.document(pubkey));
        keyFile(net.dir, 'author', net.author);
        const account = { address: net.owner.address, privateKey: net.owner.privateKey };
        const scrypt = { N: 1024, r: 8, p: 1 };
        writeFileSync(join(net.dir, 'owner.json'), await encryptKeystoreJson(account, toUtf8Bytes('correct horse'), { scrypt }));
        writeFileSync(join(net.dir, 'password.txt'), 'correct horse\n');
        const code = 'export default { async fetch(r) { return new Response("hello " + (await r.text())); } };\n';
        writeFileSync(join(net.dir, 'hello.js'), code);
        await (await net.contracts.stakeToken.transfer(net.owner.address, parseEther('200'))).wait();
        await (await net.contracts.feeToken.transfer(net.author.address, parseEther('1'))).wait();
    });

    scenario('every example', holder, async (net) => {
        const { jobs, userCode } = net.contracts;
        const env = {
            ...process.env,
            PATH: `${dirname(ctlBinary())}:${process.env.PATH}`,
            OYSTERCTL_NODE_URL: holder.node.url,
            ROOT_KEY: net.attestor.hypervisor.root,
            RPC_URL: net.chain.httpUrl,
            OWNER: net.owner.address,
            JOBS: jobs.target,
            CODE: userCode.target,
            WORKERD_DIR: workerdDir(),
        };
        const session = new Session({ env, cwd: net.dir });
        let output = '';
        try {
            for (const { code } of examples) {
                const { status, printed, told } = await session.run(code);
                output += `$ ${code}${printed}\n${told}`;
                assert.equal(status, 0, output);
            }
        } finally {
            await session.stop();
        }
        assert.match(output, /output: +hello you/);
        assert.match(output, /deregisterExecutor: included/);
        assert.equal(await net.contracts.stakeToken.balanceOf(net.owner.address), parseEther('200'));
    });

    test('every command, option and exit code', async () => {
        const names = await commandNames();
        assert.ok(names.includes('stake add') && names.includes('version'), names.join(', '));
        for (const name of names) {
            assert.ok(MANUAL.includes(`\`${name}\``), `docs/oysterctl.md says nothing of ${name}`);
            assert.ok(MAN_PAGE.includes(`.SS ${name}`), `oysterctl.1 says nothing of ${name}`);
            const { code, stdout } = await oysterctl([...name.split(' '), '--help']);
            assert.equal(code, 0);
            for (const [option] of stdout.matchAll(/--[a-z][a-z0-9-]+/g)) {
                assert.ok(MAN_PAGE.includes(option), `oysterctl.1 says nothing of ${option} of ${name}`);
            }
        }
        for (const [, exit] of (await oysterctl(['--help'])).stdout.matchAll(/^ {2}(\d) {2}/gm)) {
            assert.match(MANUAL, new RegExp(`^\\| ${exit} \\|`, 'm'));
            assert.match(MAN_PAGE, new RegExp(`^\\.B ${exit}$`, 'm'));
        }
    });
});
