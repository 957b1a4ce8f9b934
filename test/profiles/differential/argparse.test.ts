/** Python's argparse, in one process that reads many lists; the AWS CLI, gcloud and az are made with it. */
import { describe, it } from 'vitest';
import type { Profile } from '../../../src/policy/profile/profile.ts';
import { argumentLists, type ListParts } from './lists.ts';
import { answers, compare, expectAgreement, isInstalled, operandsOf, optionsOf, smallProfile } from './real-tool.ts';

const PYTHON = '/usr/bin/python3';

const OPTIONS = `
  safe: |
    -a, --all
    -b, --brief
    --colorful
    -o, --output <text>
    --outputs <text>
    -n <text>
    --pair <text> <text>
    -m, --many <text>...
`;
const PLAIN = smallProfile(`parser: argparse\noptions:${OPTIONS}operands: "[<text>...]"\n`);
const COMMANDS = smallProfile(
  `parser: argparse\noptions:${OPTIONS}commands: {get: {class: safe, operands: "[<text>...]", options: {safe: "-g, --get-it\\n--name <text>"}}}\n`,
);

/** Where options stand before the subcommand, and what does not lead to it. */
const FIRST = [
  'get',
  'get w',
  '-a get',
  '-o v get',
  '-o get get',
  '--pair a b get',
  '-m a get',
  '-ab -nget get',
  'w get',
];

/** Every option tells in which order it came; a subcommand knows the options of the tool, as gcloud and az have it. */
const SCRIPT = `
import argparse, json, sys

class Tell(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        values = values if isinstance(values, list) else [values]
        TOLD.append([self.option_strings[-1], *values])

class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(message)

def options(parser, more=()):
    for names, nargs in [(('-a', '--all'), 0), (('-b', '--brief'), 0), (('--colorful',), 0),
                         (('-o', '--output'), None), (('--outputs',), None), (('-n',), None),
                         (('--pair',), 2), (('-m', '--many'), '+'), *more]:
        parser.add_argument(*names, nargs=nargs, action=Tell)

parser = Parser(add_help=False)
options(parser)
if sys.argv[1] == 'commands':
    get = parser.add_subparsers(required=True, dest='command').add_parser('get', add_help=False)
    options(get, [(('-g', '--get-it'), 0), (('--name',), None)])
    get.add_argument('rest', nargs='*')
else:
    parser.add_argument('rest', nargs='*')

for line in sys.stdin:
    TOLD = []
    try:
        rest = parser.parse_args(json.loads(line)).rest
        print(json.dumps({'shown': [TOLD, rest]}))
    except ValueError as error:
        print(json.dumps({'refused': str(error)}))
`;

describe.skipIf(!isInstalled(PYTHON, '-c', 'import argparse'))('argparse', () => {
  it.each<[string, Profile, number, ListParts]>([
    ['plain', PLAIN, 80, {}],
    ['commands', COMMANDS, 100, { first: FIRST, words: ['get', 'w%', '--', '-', '-g', '--name=x', '--get-it', '-x'] }],
  ])('reads as the dialect does: %s', async (kind, profile, agreed, parts) => {
    const lists = argumentLists(profile, { ...parts, count: 500 });
    const seen = await answers(PYTHON, ['-c', SCRIPT, kind], lists);
    const compared = compare(profile, lists, seen, (call) => [optionsOf(call), operandsOf(call)]);
    // Only there: a number is no option, and a name may be cut short. Only here: operands may stand apart.
    const stricter =
      /abbreviations are refused|--. is not known|-\d is not known|needs a value|is not clear|takes no value|may take what follows/;
    const looser = /unrecognized arguments|expected 2 arguments|are required: command/;
    expectAgreement(compared, { agreed, stricter, looser });
  });
});
