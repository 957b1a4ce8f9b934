/** Spf13's pflag and cobra: gh, which prints a search as a url, and kubectl, which prints the object that it would create. */
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

/** The values of an option, in their order. */
function valuesOf({ options }: ReadCall, name: string): string[] {
  return options.flatMap(({ spec, values }) => (spec.names.includes(name) ? values : []));
}

function isOn({ options }: ReadCall, name: string): boolean {
  return options.findLast(({ spec }) => spec.names.includes(name))?.on ?? false;
}

function seenByGh({ stdout, stderr }: Run): Seen {
  const [, query] = /^https:\/\/[^?]*\?(.*)$/m.exec(stdout) ?? [];
  if (query === undefined) return { refused: (stderr + stdout).slice(0, 200) };
  return { shown: new URLSearchParams(query).get('q')?.split(' ').filter(isWord).sort() };
}

function isWord(text: string): boolean {
  return text !== '';
}

/** The words of a search as gh writes them: the operands, and what the options look for, by their names. */
function searchOf(call: ReadCall): string[] {
  const last = (name: string): string[] => valuesOf(call, `--${name}`).slice(-1);
  return [
    ...operandsOf(call),
    ...last('author').map((value) => `author:${value}`),
    ...(call.options.some(({ name }) => name === '--locked')
      ? [isOn(call, '--locked') ? 'is:locked' : 'is:unlocked']
      : []),
    ...valuesOf(call, '--label').map((value) => `label:${value}`),
    ...last('milestone').map((value) => `milestone:${value}`),
    ...['label', 'milestone'].filter((name) => isOn(call, `--no-${name}`)).map((name) => `no:${name}`),
    ...(isOn(call, '--include-prs') ? [] : ['type:issue']),
  ]
    .filter(isWord)
    .sort();
}

describe.skipIf(!isInstalled('gh', '--version'))('gh', () => {
  it.each([false, true])('reads as the dialect pflag does, options before the subcommand: %s', async (spread) => {
    const profile = shippedProfile('gh');
    const lists = argumentLists(profile, {
      command: 'search issues',
      spread,
      only: ['--author', '--label', '--milestone', '--limit', '--locked', '--include-prs', '--web'],
      valuesOf: ({ names }) =>
        names.includes('--limit')
          ? ['5', '07', '-1', '=5']
          : ['v%', 'v%', '--', '-', '-x', 'a=b', 'true', '--web', 'search'],
      words: ['w%', 'w%', '--', '-', '-x', '--unknown', 'true', 'search'],
      before: ['--web'],
      longest: 3,
      count: 24,
    });
    const runs = await runEach(['gh'], lists, { env: ALONE });
    expectAgreement(compare(profile, lists, runs.map(seenByGh), searchOf), {
      agreed: 4,
      // Cobra before 1.7 and since read it in two ways; ours is neither.
      stricter: /before the subcommand|is not clear/,
      looser: /--limit|invalid argument|cannot use|error connecting/,
    });
  });
});

/** No host that there is, no browser, and no question whether there is a newer version. */
const ALONE = {
  GH_HOST: 'a.invalid',
  GH_TOKEN: 'x',
  GH_ENTERPRISE_TOKEN: 'x',
  GH_BROWSER: 'echo',
  GH_NO_UPDATE_NOTIFIER: '1',
};

function seenByKubectl({ status, stdout, stderr }: Run): Seen {
  if (status !== 0 || !stdout.startsWith('{')) return { refused: (stderr + stdout).slice(0, 200) };
  const { metadata, spec } = JSON.parse(stdout) as {
    metadata: { name: string; namespace?: string };
    spec: { template: { spec: { containers: { image: string; command?: string[] }[] } } };
  };
  const [{ image, command = [] } = { image: '' }] = spec.template.spec.containers;
  return { shown: [metadata.name, metadata.namespace ?? '', image, command] };
}

/** The job that kubectl would create: the first operand is its name, and what stands behind `--` its command. */
function jobOf(call: ReadCall): unknown {
  const [name = '', ...command] = operandsOf(call);
  return [name, valuesOf(call, '--namespace').at(-1), valuesOf(call, '--image').at(-1), command];
}

describe.skipIf(!isInstalled('kubectl', 'version', '--client'))('kubectl', () => {
  it('reads as the dialect pflag does', async () => {
    const profile = shippedProfile('kubectl');
    const lists = argumentLists(profile, {
      command: 'create job',
      spread: true,
      only: ['--namespace', '--image', '--as', '--save-config', '--validate'],
      valuesOf: ({ names }) =>
        names.includes('--validate') ? ['ignore', 'true'] : ['v%', 'v%', '-x', '--', 'a=b', '=', ''],
      words: ['-- c%', '-- -n c%', '--', '-nq%', '--image=i%', '-n=q%', 'job'],
      before: ['--dry-run=client', '-ojson', '-nbefore', '--image=before', 'name'],
      longest: 3,
      count: 24,
    });
    const runs = await runEach(['kubectl'], lists, { env: { KUBECONFIG: '/dev/null' } });
    expectAgreement(compare(profile, lists, runs.map(seenByKubectl), jobOf), {
      agreed: 4,
      stricter: /before the subcommand|is not clear/,
      looser: /exactly one NAME|invalid argument|either --image/,
    });
  });
});
