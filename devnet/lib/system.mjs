// What the kernel says about processes and cgroups (Linux).
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

function statusOf(pid) {
    try {
        return Object.fromEntries(
            readFileSync(`/proc/${pid}/status`, 'utf8')
                .split('\n')
                .filter((line) => line.includes(':'))
                .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
        );
    } catch {
        return null; // it ended meanwhile
    }
}

export const residentBytes = (pid) => Number.parseInt(statusOf(pid).VmRSS, 10) * 1024;

export const openFiles = (pid) => readdirSync(`/proc/${pid}/fd`).length;

// Every process: {pid, parent, name, zombie}.
export function processes() {
    return readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map((name) => [Number(name), statusOf(name)])
        .filter(([, status]) => status !== null)
        .map(([pid, status]) => ({
            pid,
            parent: Number(status.PPid),
            name: status.Name,
            zombie: status.State.startsWith('Z'),
        }));
}

// The processes below pid.
export function descendants(pid) {
    const all = processes();
    const found = [];
    for (let parents = [pid]; parents.length > 0; ) {
        const children = all.filter((p) => parents.includes(p.parent));
        found.push(...children);
        parents = children.map((p) => p.pid);
    }
    return found;
}

// Whether some process holds a flock on path. (/proc/locks names files by inode; cgroup file systems number their own.)
export function isLocked(path) {
    try {
        const { ino } = statSync(path);
        return new RegExp(`FLOCK .*:${ino} `).test(readFileSync('/proc/locks', 'utf8'));
    } catch {
        return false; // gone meanwhile
    }
}

// The cgroups named workerd_* of every mounted hierarchy that pid may see, as folders.
export function workerCgroups(root = '/sys/fs/cgroup') {
    const found = [];
    const walk = (dir, depth) => {
        for (const entry of readdirSync(dir, { withFileTypes: true })) {
            if (!entry.isDirectory()) continue;
            const path = join(dir, entry.name);
            if (/^workerd_\d+$|^oyster/.test(entry.name)) found.push(path);
            if (depth > 0) walk(path, depth - 1);
        }
    };
    if (existsSync(root)) walk(root, 5);
    return found.sort();
}
