/** Clap, of which Debian has fd: it names the directories that it does not find. */
import { describe, it } from 'vitest';
import { argumentLists } from './lists.ts';
import {
  compare,
  expectAgreement,
  isInstalled,
  operandsOf,
  type Run,
  runEach,
  type Seen,
  smallProfile,
} from './real-tool.ts';

const FD = smallProfile(`
parser: clap
options:
  safe: |
    -H, --hidden
    -I, --no-ignore
    -p, --full-path
    -F, --fixed-strings
    -e, --extension <text>
    -E, --exclude <text>
    -d, --max-depth <integer>
    --size <text>
operands: "<text> [<text>...]"
`);

function seenByFd({ stderr }: Run): Seen {
  const paths = [...stderr.matchAll(/Search path '(.*)' is not a directory/g)].map(([, path]) => path);
  return paths.length === 0 ? { refused: stderr } : { shown: paths };
}

describe.skipIf(!isInstalled('fdfind', '--version'))('fdfind', () => {
  it('reads as the dialect clap does', async () => {
    const values: Readonly<Record<string, readonly string[]>> = {
      '--max-depth': ['5', '7', '-1', 'x'],
      '--size': ['+5k', '-5k', '7b'],
    };
    const lists = argumentLists(FD, {
      valuesOf: ({ names }) => values[names.at(-1) ?? ''] ?? ['v%', 'v%', '-x', '--', '-H', '-1', 'a=b', '=v', ''],
      after: ['y', 'z'],
    });
    const runs = await runEach(['fdfind'], lists);
    const compared = compare(FD, lists, runs.map(seenByFd), (call) => operandsOf(call).slice(1));
    expectAgreement(compared, {
      agreed: 30,
      // Fd has more options than the profile here, and a size may begin with a dash.
      stricter: /-1 is not known|--no-.* is not known|needs a value|is not clear/,
      looser: /Invalid value|requires a value|there: $/,
    });
  });
});
