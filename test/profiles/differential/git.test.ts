/** Git's parse-options, as `git rev-parse --parseopt` shows them, and the options of git itself before the subcommand. */
import { describe, it } from 'vitest';
import { plainText, splitWords } from '../../../src/policy/split.ts';
import { argumentLists } from './lists.ts';
import type { ReadCall } from '../../../src/policy/profile/read-call.ts';
import {
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

/** As `--parseopt` wants it: `!` is not negatable, `=` has a value, `?` an attached one or none. */
const SPECIFICATION = `usage
--
a,all!    a switch
b,brief   a switch that may be negated
s!        a letter
c,color?  an optional value
colorful! a longer name
o,output= a value
outputs=! a longer name
n=!       a letter with a value
no-verify a name that says no
`;

const OPTIONS = `
parser: git
options:
  safe: |
    -a, --all
    -b, --brief (negatable)
    -s
    -c, --color [<text>] (negatable)
    --colorful
    -o, --output <text> (negatable)
    --outputs <text>
    -n <text>
    --verify
    --no-verify
operands: "[<text>...]"
`;

function seen({ status, stdout, stderr }: Run): Seen {
  if (status !== 0) return { refused: stderr };
  if (stdout.startsWith('cat ')) return { refused: 'help' };
  const split = splitWords(stdout, 'shell');
  if (!split.ok) throw new Error(split.message);
  const words = split.words.map(plainText).slice(2);
  const end = words.indexOf('--');
  return { shown: [words.slice(0, end), words.slice(end + 1)] };
}

describe.skipIf(!isInstalled('git', '--version'))('git', () => {
  it('reads options as the dialect git does', async () => {
    const profile = smallProfile(OPTIONS);
    const lists = argumentLists(profile, { count: 150 });
    const runs = await runEach(['sh', '-c', PARSEOPT, SPECIFICATION], lists);
    const compared = compare(profile, lists, runs.map(seen), (call) => [
      optionsOf(call).map(asPrinted),
      operandsOf(call),
    ]);
    expectAgreement(compared, {
      agreed: 40,
      stricter: /abbreviations are refused|option --(?:no-no-verify|[^- ]) is not known/,
    });
  });

  it('finds the subcommand where the dialect git does, and reads no option behind it as its own', async () => {
    const profile = smallProfile(OF_GIT);
    const lists = argumentLists(profile, {
      valuesOf: ({ names }) => (names.includes('-C') ? ['/', '/usr', ''] : ['k.a%=v', 'k.a%', 'k.a%=-c', 'shown']),
      words: ['shown', 'shown', 'w%', '--', '-c', '--unknown'],
      longest: 4,
      after: ['shown', 'w%', '-c', '--'],
    });
    // An alias runs a program with all that git has read, and the words that are left to it.
    const alias = `alias.shown=!printf '%s\\n' "$GIT_CONFIG_PARAMETERS" "$PWD" "$GIT_NAMESPACE" "$@"; :`;
    const runs = await runEach(['git', '-c', alias], lists, { cwd: '/' });
    const compared = compare(profile, lists, runs.map(seenByAlias), ofGit);
    expectAgreement(compared, {
      agreed: 20,
      stricter: /option -.* is not known/,
      looser: /unknown option: -(?:[cC].|.{3}|P.)|cannot change to|key/,
    });
  });
});

const OF_GIT = `
parser: git
options: {safe: "-c <text>\\n-C <text>\\n--namespace <text>\\n-P, --no-pager\\n--no-replace-objects"}
commands: {shown: {class: safe, operands: "[<text>...]", options-end: 1}}
`;

function seenByAlias({ status, stdout, stderr }: Run): Seen {
  if (status !== 0) return { refused: stderr.split('\n', 1)[0] ?? '' };
  const [settings = '', directory = '', namespace = '', ...words] = stdout.split('\n').slice(0, -1);
  const set = [...settings.matchAll(/'(k\.[^']*)'(?:='([^']*)')?/g)].map(
    ([, key, value]) => `${key}${value === undefined ? '' : `=${value}`}`,
  );
  // An alias gets the dashes that end the options, too.
  return { shown: [set, directory, namespace, words[0] === '--' ? words.slice(1) : words] };
}

function ofGit(call: ReadCall): unknown {
  const values = (name: string): string[] => call.options.flatMap((each) => (each.name === name ? each.values : []));
  const directory = values('-C').findLast((each) => each !== '') ?? '/';
  return [
    values('-c').filter((setting) => setting.startsWith('k.')),
    directory,
    values('--namespace').at(-1) ?? '',
    operandsOf(call),
  ];
}

/** `--verify` is what turns `--no-verify` off. */
function asPrinted([name = '', ...values]: readonly string[]): string {
  const written = name === '--verify' ? '--no-no-verify' : name.replace(/^not --/, '--no-');
  return [written, ...values].join(written.startsWith('--') ? '=' : '');
}

const PARSEOPT = `printf '%s' "$0" | git rev-parse --parseopt --stuck-long -- "$@"`;
