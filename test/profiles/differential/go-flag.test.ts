/** Go's flag package: age, which prints the operands that it got, and terraform, which prints the values it cannot use. */
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
  shippedProfile,
  smallProfile,
} from './real-tool.ts';

const AGE = `
parser: go-flag
options:
  safe: |
    -d, -decrypt
    -e, -encrypt
    -a, -armor
    -o, -output <text>
    -r, -recipient <text>
    -R, -recipients-file <text>
operands: "[<text>...]"
`;

function seenByAge({ stderr }: Run): Seen {
  const [, list] = /^age: error: too many INPUT arguments: (.*)$/m.exec(stderr) ?? [];
  if (list === undefined) return { refused: stderr.split('\n', 1)[0] ?? '' };
  return { shown: [...list.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([quoted]) => JSON.parse(quoted) as string) };
}

describe.skipIf(!isInstalled('age', '--version'))('age', () => {
  it('reads as the dialect go-flag does', async () => {
    const profile = smallProfile(AGE);
    const lists = argumentLists(profile, { after: ['z', '-a', 'z'] });
    const runs = await runEach(['age'], lists);
    expectAgreement(compare(profile, lists, runs.map(seenByAge), operandsOf), {
      agreed: 80,
      looser: /refused there: age: error/,
    });
  });
});

/** It names the values that it cannot use: those that begin with a dash, or have a colon or an equals sign. */
function seenByTerraform({ stderr }: Run): Seen {
  const text = stderr.replace(/\u001b\[\d+m/g, '').replace(/\n│ /g, ' ');
  const operands = [...text.matchAll(/ in source "([^"]*)"/g)].map(([, operand]) => operand);
  const platforms = [...text.matchAll(/The string "([^"]*)" given in the -platform/g)].map(([, platform]) => platform);
  return operands.length + platforms.length === 0 ? { refused: text.slice(0, 200) } : { shown: [platforms, operands] };
}

describe.skipIf(!isInstalled('terraform', 'version'))('terraform', () => {
  it('reads as the dialect go-flag does', async () => {
    const profile = shippedProfile('terraform');
    const lists = argumentLists(profile, {
      command: 'providers lock',
      only: ['-platform', '-fs-mirror', '-enable-plugin-cache'],
      words: ['w%:', 'w%:', '-', '--', '-x', '-platform'],
      valuesOf: () => ['v%:', 'true', '--', '-x', '=v:', '-platform', 'F'],
      after: ['-platform', 'z:', 'w%:', 'w%:'],
      count: 30,
    });
    const runs = await runEach(['terraform'], lists, {
      env: { TF_CLI_CONFIG_FILE: '/dev/null', CHECKPOINT_DISABLE: '1' },
    });
    const compared = compare(profile, lists, runs.map(seenByTerraform), (call) => [
      call.options.flatMap(({ name, values }) => (name.endsWith('-platform') ? values : [])),
      operandsOf(call).filter((text) => /^-|[:=]/.test(text)),
    ]);
    expectAgreement(compared, { agreed: 12 });
  });
});
