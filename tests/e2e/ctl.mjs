// oysterctl for the tests.
import { join, resolve } from 'node:path';
import { ROOT } from '../../devnet/lib/paths.mjs';

export const ctlBinary = () => resolve(ROOT, process.env.OYSTER_BUILD ?? 'build', 'tools', 'oysterctl', 'oysterctl');
