/** Gcloud, in one process that reads many lists: which options a command gets. Debian has no gcloud. */
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

const PYTHON = '/usr/bin/python3';

const FIND = `
import os, shutil, sys
library = os.path.join(os.path.dirname(os.path.realpath(shutil.which('gcloud') or '/')), '..', 'lib')
sys.path[:0] = [library, os.path.join(library, 'third_party')]
`;

/** Puts itself in the place of every command. */
const SCRIPT = `${FIND}
import contextlib, io, json
from googlecloudsdk import gcloud_main
from googlecloudsdk.calliope import backend
told = []
backend.Command.Run = lambda self, cli, args: told.append([' '.join(self.GetPath()), args.GetSpecifiedArgs()])
tool = gcloud_main.CreateCLI([])
for line in sys.stdin:
    told.clear()
    output = io.StringIO()
    with contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
        try:
            tool.Execute(json.loads(line))
        except (Exception, SystemExit) as error:
            print(error)
    print(json.dumps({'shown': [told[0][0], sorted(told[0][1].items())]} if told else {'refused': output.getvalue()[:300]}))
`;

/** Of a command that is not whole gcloud prints long help: so the words of this one stand in each list. */
const FIRST = [
  'compute instances describe',
  '--project p compute instances describe',
  'compute -q instances --account a describe',
  '--project describe compute instances describe',
  'compute --zone z instances describe',
  'compute -- instances describe',
];

/** Each option once, the last one of those that stand several times; the operand by the name that gcloud has for it. */
function specifiedOf(call: ReadCall): unknown {
  const specified = new Map<string, unknown>(operandsOf(call).map((text) => ['INSTANCE_NAME', text]));
  for (const { spec, values, on } of call.options)
    specified.set(spec.names.at(-1) ?? '', spec.arity === 'switch' ? on : values[0]);
  return [`gcloud ${call.verb.join(' ')}`, [...specified].sort(([a], [b]) => (a < b ? -1 : 1))];
}

describe.skipIf(!isInstalled(PYTHON, '-c', `${FIND}\nimport googlecloudsdk`))('gcloud', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('gcloud');
    const lists = argumentLists(profile, {
      command: 'compute instances describe',
      first: FIRST,
      only: ['--zone', '--project', '--account', '--quiet', '--billing-project'],
      valuesOf: () => ['v%', 'v%', '-x', '--', '-1', 'a=b', ''],
      words: ['--', '-1', '-q', '--zone=z%'],
      after: ['name%'],
      longest: 3,
      count: 100,
    });
    const env = {
      CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
      CLOUDSDK_CORE_DISABLE_FILE_LOGGING: 'true',
    };
    const seen = await inDirectory((cwd) =>
      answers(PYTHON, ['-c', SCRIPT], lists, { cwd, env: { ...env, CLOUDSDK_CONFIG: cwd } }),
    );
    expectAgreement(compare(profile, lists, seen, specifiedOf), {
      agreed: 15,
      stricter: /needs a value|option -1 is not known|is not clear/,
      looser: /./,
    });
  });
});
