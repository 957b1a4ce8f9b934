/** GNU getopt_long and POSIX getopt, as util-linux `getopt` shows them: it prints what the C library made of a list. */
import { describe, it } from 'vitest';
import { plainText, splitWords } from '../../../src/policy/split.ts';
import { argumentLists } from './lists.ts';
import {
  ABBREVIATION,
  compare,
  expectAgreement,
  isInstalled,
  operandsOf,
  optionsOf,
  type Run,
  runEach,
  type Seen,
  smallProfile,
} from './real-tool.ts';

const OPTIONS = `
options:
  safe: |
    -a, --all
    -b, --brief
    -s
    -c, --color [<text>]
    --colorful
    -o, --output <text>
    --outputs <text>
    -n <text>
operands: "[<text>...]"
`;
const SHORT = 'abso:n:c::';
const LONG = 'all,brief,color::,colorful,output:,outputs:';
const NAMES: Readonly<Record<string, string>> = { '-a': '--all', '-b': '--brief', '-c': '--color', '-o': '--output' };
const WITH_VALUE = ['--output', '--outputs', '-n', '--color'];

function seen({ status, stdout, stderr }: Run): Seen {
  if (status !== 0) return { refused: stderr };
  const split = splitWords(stdout, 'shell');
  if (!split.ok) throw new Error(split.message);
  const words = split.words.map(plainText);
  const options: string[][] = [];
  let at = 0;
  for (; words[at] !== '--'; at += 1) {
    const name = fullName(words[at] ?? '');
    options.push(WITH_VALUE.includes(name) ? [name, words[++at] ?? ''] : [name]);
  }
  return { shown: [emptyIsNone(options), words.slice(at + 1)] };
}

function fullName(name: string): string {
  return NAMES[name] ?? name;
}

/** An optional value that is not there is printed as an empty one. */
function emptyIsNone(options: readonly string[][]): string[][] {
  return options.map(([name = '', ...values]) => (name === '--color' && values[0] === '' ? [name] : [name, ...values]));
}

describe.skipIf(!isInstalled('getopt', '-T') && !isInstalled('getopt', '--version'))('getopt_long', () => {
  it.each([
    ['getopt_long', SHORT, {}],
    ['getopt', `+${SHORT}`, {}],
    ['getopt', SHORT, { POSIXLY_CORRECT: '1' }],
  ])('reads as the dialect %s does: %s %j', async (dialect, short, env) => {
    const profile = smallProfile(`parser: ${dialect}\n${OPTIONS}`);
    const lists = argumentLists(profile, { count: 150 });
    const runs = await runEach(['getopt', '-o', short, '-l', LONG, '--'], lists, { env });
    const compared = compare(profile, lists, runs.map(seen), (call) => [
      emptyIsNone(optionsOf(call)),
      operandsOf(call),
    ]);
    expectAgreement(compared, { agreed: 45, stricter: ABBREVIATION });
  });
});
