/** The AWS CLI, in one process that reads many lists: what it would call an operation with, and its own options. */
import { describe, it } from 'vitest';
import type { ReadCall } from '../../../src/policy/profile/read-call.ts';
import { argumentLists } from './lists.ts';
import {
  ABBREVIATION,
  answers,
  compare,
  expectAgreement,
  inDirectory,
  isInstalled,
  operandsOf,
  shippedProfile,
} from './real-tool.ts';

const PYTHON = '/usr/bin/python3';

/** Puts itself in the place of the call to the service. */
const SCRIPT = `
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver

driver = create_clidriver()
told = []
def called(call_parameters, parsed_globals, **_):
    own = vars(parsed_globals)
    told.append([call_parameters.get('Names'), call_parameters.get('WithDecryption'), own['region'], own['output'], getattr(own['query'], 'expression', None), own['paginate']])
    return 0
driver.session.register('calling-command.ssm.get-parameters', called)

for line in sys.stdin:
    told.clear()
    output = io.StringIO()
    with contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
        try:
            driver.main(json.loads(line))
        except (Exception, SystemExit) as error:
            print(error)
    print(json.dumps({'shown': told[0]} if told else {'refused': output.getvalue().strip()[-200:]}), flush=True)
`;

function parametersOf(call: ReadCall): unknown {
  const last = (name: string): readonly string[] | undefined =>
    call.options.findLast(({ spec }) => spec.names.includes(name))?.values;
  const decrypt = call.options.findLast(({ spec }) => spec.names.includes('--with-decryption'));
  const one = (name: string): string | null => last(name)?.[0] ?? null;
  const paginate = !call.options.some(({ name }) => name === '--no-paginate');
  if (operandsOf(call).length > 0) return 'operands';
  return [last('--names') ?? null, decrypt?.on ?? null, one('--region'), one('--output'), one('--query'), paginate];
}

describe.skipIf(!isInstalled(PYTHON, '-c', 'import awscli'))('aws', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('aws');
    const values: Readonly<Record<string, readonly string[]>> = {
      '--output': ['json', 'text', 'x'],
      '--region': ['r%', 'r%', '-x'],
    };
    const lists = argumentLists(profile, {
      command: 'ssm get-parameters',
      only: ['--names', '--with-decryption', '--region', '--output', '--query', '--no-paginate'],
      valuesOf: ({ names }) => values[names.at(-1) ?? ''] ?? ['v%', 'v%', '-x', '--', '-1', ''],
      words: [
        'w%',
        '--',
        '--unknown',
        '--names a% b%',
        '--names a% --region b% c%',
        '--no-with-decryption',
        '--name x',
      ],
      first: [
        'ssm get-parameters --names n',
        'ssm get-parameters --names n m',
        '--region q ssm get-parameters --names n',
        'ssm --output text get-parameters --names n',
        '--no-paginate ssm --query=x get-parameters --names=n',
        'ssm -- get-parameters --names n',
      ],
      longest: 4,
      count: 120,
    });
    const env = {
      AWS_CONFIG_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_DEFAULT_REGION: 'none',
      AWS_ACCESS_KEY_ID: 'x',
      AWS_SECRET_ACCESS_KEY: 'x',
    };
    const seen = await inDirectory((cwd) => answers(PYTHON, ['-c', SCRIPT], lists, { cwd, env }));
    expectAgreement(compare(profile, lists, seen, parametersOf), {
      agreed: 15,
      stricter: new RegExp(`${ABBREVIATION.source}|needs a value|one too many|may take what follows`),
      looser: /./,
    });
  });
});
