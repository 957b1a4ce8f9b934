/** Npm, whose own modules read many lists in one process: nopt, with the options that npm has. */
import { describe, it } from 'vitest';
import type { ReadCall } from '../../../src/policy/profile/read-call.ts';
import { argumentLists } from './lists.ts';
import {
  answers,
  compare,
  expectAgreement,
  inDirectory,
  isInstalled,
  operandsOf,
  shippedProfile,
} from './real-tool.ts';

const FIND = `
const { realpathSync, existsSync } = require('node:fs');
const { delimiter, dirname, join } = require('node:path');
const npm = process.env.PATH.split(delimiter).map((folder) => join(folder, 'npm')).find(existsSync);
const root = dirname(dirname(realpathSync(npm)));
const Config = require(join(root, 'node_modules/@npmcli/config'));
const known = require(join(root, 'node_modules/@npmcli/config/lib/definitions'));
`;

/** The words that are left, and what these options were set to. */
const SCRIPT = `${FIND}
process.on('log', () => undefined);
for (const line of require('node:fs').readFileSync(0, 'utf8').trim().split('\\n')) {
  const argv = ['node', 'npm', ...JSON.parse(line)];
  const config = new Config({ ...known, npmPath: root, argv, env: {}, cwd: '/', platform: 'linux' });
  config.loadCLI();
  const { tag, scope, message, otp, json, audit, global } = config.data.get('cli').data;
  console.log(JSON.stringify({ shown: [config.parsedArgv.remain, tag, scope, message, otp, json, audit, global] }));
}
`;

function configOf(call: ReadCall): unknown {
  const last = (name: string): ReadCall['options'][number] | undefined =>
    call.options.findLast(({ spec }) => spec.names.includes(name));
  const text = (name: string): string | null => last(name)?.values[0] ?? null;
  const state = (name: string): boolean | null => {
    const option = last(name);
    return option === undefined ? null : option.on && option.values[0] !== 'false';
  };
  const texts = ['--tag', '--scope', '--message', '--otp'].map(text);
  return [[...call.verb, ...operandsOf(call)], ...texts, ...['--json', '--audit', '--global'].map(state)];
}

describe.skipIf(!isInstalled(process.execPath, '-e', FIND))('npm', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('npm');
    const all = argumentLists(profile, {
      command: 'view',
      spread: true,
      only: ['--tag', '--scope', '--message', '--otp', '--json', '--audit', '--global', '-p', '-l'],
      // A switch takes `true` and `false` from the next argument; that is why the profile lets no operand be one of them.
      valuesOf: ({ arity }) => (arity === 'optional' ? ['true', 'false'] : ['v%', 'v%', '-x', '--', '-1', 'a=b', '']),
      words: [
        'w%',
        'w%',
        '--',
        '-',
        '-x',
        '-1',
        '--jso',
        '--unknown',
        '--json=true',
        '--no-audit',
        '--audit=false',
        '-g',
      ],
    });
    const lists = all.filter((list) => !list.includes('true') && !list.includes('false'));
    const seen = await inDirectory((cwd) => answers(process.execPath, ['-e', SCRIPT], lists, { cwd }));
    expectAgreement(compare(profile, lists, seen, configOf), {
      agreed: 20,
      // Nopt refuses nothing: it leaves out what it cannot use, and takes names that it does not know.
      stricter: /is not known|needs a value|takes no value/,
    });
  });
});
