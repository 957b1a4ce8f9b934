/** Jq, by the arguments that its programs see and by the files that it cannot open. */
import { describe, it } from 'vitest';
import type { ReadCall } from '../../../src/policy/profile/read-call.ts';
import { argumentLists } from './lists.ts';
import {
  compare,
  expectAgreement,
  inOrder,
  isInstalled,
  operandsOf,
  type Run,
  runEach,
  type Seen,
  shippedProfile,
} from './real-tool.ts';

/** A program that prints what it was given, in letters that no option changes, and reads its files. */
const PROGRAM = '"<\\($ARGS|tojson|@base64)>",inputs';

/** Named arguments; all that are not named, be they files or arguments. */
function seenByJq({ stdout, stderr }: Run): Seen {
  const [, encoded] = /<([A-Za-z0-9+/=]{20,})>/.exec(stdout) ?? [];
  if (encoded === undefined) return { refused: stderr.slice(0, 100) };
  const { named, positional } = JSON.parse(Buffer.from(encoded, 'base64').toString()) as {
    named: Record<string, unknown>;
    positional: unknown[];
  };
  const files = [...stderr.matchAll(/Could not open (?:file )?(.*): No such file/g)].map(([, file]) => file);
  return {
    shown: [inOrder(Object.entries(named).map(String)), inOrder([...positional.map(String), ...files].filter(isSeen))],
  };
}

/** Files that can be read: jq says nothing of them. */
function isSeen(text: string | undefined): boolean {
  return text !== '-' && text !== '/dev/null';
}

function jqOf(call: ReadCall): unknown {
  const named = new Map<string, string>();
  for (const { name, values } of call.options) {
    const [key = '', value = ''] = values;
    if (values.length === 2 && !named.has(key)) named.set(key, name.endsWith('file') ? '' : value);
  }
  return [inOrder([...named].map(String)), inOrder(operandsOf(call).slice(1).filter(isSeen))];
}

describe.skipIf(!isInstalled('jq', '--version'))('jq', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('jq');
    const values: Readonly<Record<string, readonly string[]>> = {
      '--argjson': ['1', '2%', '--x'],
      '--indent': ['2', '-1', 'x'],
      '--slurpfile': ['/dev/null', 'x'],
      '--rawfile': ['/dev/null', 'x'],
    };
    const lists = argumentLists(profile, {
      only: [
        '--arg',
        '--argjson',
        '--slurpfile',
        '--rawfile',
        '--indent',
        '-L',
        '-c',
        '-e',
        '-S',
        '-r',
        '-s',
        '-a',
        '--tab',
        '--args',
        '--jsonargs',
      ],
      valuesOf: ({ names }) => values[names.at(-1) ?? ''] ?? ['v%', 'v%', '-x', '--', '--args', '1', ''],
      count: 90,
      words: ['w%', 'w%', '1%', '--', '--args', '-', '-1', '--unknown', '-x'],
      first: [
        `-n ${PROGRAM}`,
        `-nc ${PROGRAM} --args`,
        `--arg - -- -n ${PROGRAM}`,
        `${PROGRAM} -rn`,
        `-n -- ${PROGRAM}`,
      ],
    });
    const runs = await runEach(['jq'], lists);
    expectAgreement(compare(profile, lists, runs.map(seenByJq), jqOf), {
      agreed: 18,
      stricter: /option -1 is not known/,
      looser: /./,
    });
  });
});
