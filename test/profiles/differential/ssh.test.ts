/** OpenSSH's ssh, by the configuration that `ssh -G` prints: it connects to nothing. */
import { userInfo } from 'node:os';
import { describe, it } from 'vitest';
import type { ReadCall } from '../../../src/policy/profile/read-call.ts';
import { argumentLists } from './lists.ts';
import {
  compare,
  expectAgreement,
  isInstalled,
  operandsOf,
  type Run,
  runEach,
  type Seen,
  shippedProfile,
} from './real-tool.ts';

function valuesOf({ options }: ReadCall, name: string): string[] {
  return options.flatMap((each) => (each.name === name ? each.values : []));
}

function seenBySsh({ stdout, stderr }: Run): Seen {
  const all = (key: string): string[] =>
    [...stdout.matchAll(new RegExp(`^${key} (.*)$`, 'gm'))].map(([, value = '']) => value);
  const [host] = all('host');
  if (host === undefined) return { refused: stderr };
  return {
    shown: [host, all('user')[0], all('port')[0], all('dynamicforward'), all('sendenv'), all('compression')[0]],
  };
}

function sshOf(call: ReadCall): unknown {
  const [destination = ''] = operandsOf(call);
  const at = destination.lastIndexOf('@');
  const user = valuesOf(call, '-l')[0] ?? (at === -1 ? userInfo().username : destination.slice(0, at));
  const sent = valuesOf(call, '-o').map((setting) => setting.replace(/^=?SendEnv=/, ''));
  const compression = call.options.some(({ name }) => name === '-C') ? 'yes' : 'no';
  return [destination.slice(at + 1), user, valuesOf(call, '-p')[0] ?? '22', valuesOf(call, '-D'), sent, compression];
}

describe.skipIf(!isInstalled('ssh', '-V'))('ssh', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('ssh');
    const values: Readonly<Record<string, readonly string[]>> = {
      '-p': ['1%', '2%', 'x'],
      '-D': ['3%', '4%'],
      '-o': ['SendEnv=E%', 'SendEnv=F%'],
    };
    const lists = argumentLists(profile, {
      only: ['-p', '-D', '-o', '-l', '-i', '-C', '-4', '-A', '-x', '-q', '-T'],
      valuesOf: ({ names }) => values[names.at(-1) ?? ''] ?? ['v%', 'v%', '-x', '--', '-p'],
      words: ['w%', 'w%', '--', '--', '-', '-1', '--unknown', '-p'],
      first: ['-G -F none'],
      count: 130,
      after: ['z', '-C', '-D', '99'],
    });
    const runs = await runEach(['ssh'], lists);
    expectAgreement(compare(profile, lists, runs.map(seenBySsh), sshOf), {
      agreed: 15,
      stricter: /may end the options/,
      looser: /invalid characters|^.* refused there: (?:Bad|Warning|SSH protocol|usage|command-line|Missing)/,
    });
  });
});
