// An initramfs that depends on nothing but names, modes and contents: the "newc" format of cpio with names in order,
// everything owned by root, no times, inodes counted from one.
import { readFileSync } from 'node:fs';

const [FOLDER, FILE, LINK] = [0o040000, 0o100000, 0o120000];
const ALIGNMENT = 4;
const BLOCK = 512; // of the whole archive; a further archive may stand behind it

function field(number) {
    return number.toString(16).toUpperCase().padStart(8, '0');
}

// Zeros that bring a length to a multiple; between archives they mean nothing.
export function padding(length, to = ALIGNMENT) {
    return Buffer.alloc((to - (length % to)) % to);
}

function entry(inode, name, { mode, links, data }) {
    const bytes = Buffer.from(`${name}\0`);
    const numbers = [inode, mode, 0, 0, links, 0, data.length, 0, 0, 0, 0, bytes.length, 0]; // uid, gid, mtime: 0
    const head = Buffer.concat([Buffer.from(`070701${numbers.map(field).join('')}`), bytes]);
    return [head, padding(head.length), data, padding(data.length)];
}

// Files of an image by their absolute paths.
export class Tree {
    #entries = new Map();

    #put(path, mode, links, data) {
        if (!path.startsWith('/') || path.endsWith('/')) throw new Error(`${path}: expected an absolute path`);
        const parent = path.slice(0, path.lastIndexOf('/'));
        if (parent && !this.#entries.has(parent)) this.folder(parent);
        this.#entries.set(path, { mode, links, data });
        return this;
    }

    folder(path, permissions = 0o755) {
        return this.#put(path, FOLDER | permissions, 2, Buffer.alloc(0));
    }

    // content: text or bytes.
    file(path, content, permissions = 0o644) {
        return this.#put(path, FILE | permissions, 1, Buffer.from(content));
    }

    // from: a file of this machine.
    copy(path, from, permissions = 0o644) {
        return this.file(path, readFileSync(from), permissions);
    }

    link(path, target) {
        return this.#put(path, LINK | 0o777, 1, Buffer.from(target));
    }

    has(path) {
        return this.#entries.has(path);
    }

    // [path, bytes] of each file, in order.
    files() {
        return this.#sorted()
            .filter(([, { mode }]) => (mode & FILE) === FILE && (mode & LINK) !== LINK)
            .map(([path, { data }]) => [path, data]);
    }

    // By the bytes of the names, whatever the locale: a folder stands before what is in it.
    #sorted() {
        return [...this.#entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }

    pack() {
        const parts = this.#sorted().flatMap(([path, what], i) => entry(i + 1, path.slice(1), what));
        parts.push(...entry(0, 'TRAILER!!!', { mode: 0, links: 1, data: Buffer.alloc(0) }));
        const archive = Buffer.concat(parts);
        return Buffer.concat([archive, padding(archive.length, BLOCK)]);
    }
}
