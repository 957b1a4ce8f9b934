/** GNU tools, by the files that they cannot open or that they print: getopt_long as real tools use it, and the old style of tar. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type { ReadCall } from '../../../src/policy/profile/read-call.ts';
import { argumentLists } from './lists.ts';
import {
  ABBREVIATION,
  compare,
  expectAgreement,
  inDirectory,
  isInstalled,
  operandsOf,
  type Run,
  runEach,
  runOnce,
  type Seen,
  shippedProfile,
} from './real-tool.ts';

function valuesOf({ options }: ReadCall, name: string): string[] {
  return options.flatMap(({ spec, values }) => (spec.names.includes(name) ? values : []));
}

function found(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, each = '']) => each);
}

/** Its program, which `--debug` prints, and the files that are not there. */
function seenBySed({ stdout, stderr, status }: Run): Seen {
  if (status !== 0 && !stderr.includes("can't read")) return { refused: stderr };
  const [program = ''] = stdout.split(/^INPUT/m, 1);
  return { shown: [found(program, /^ {2}(\S.*)$/gm), found(stderr, /can't read (.*): No such file/g)] };
}

function sedOf(call: ReadCall): unknown {
  const scripts = valuesOf(call, '--expression');
  const operands = operandsOf(call);
  return scripts.length > 0 ? [scripts, operands] : [operands.slice(0, 1), operands.slice(1)];
}

describe.skipIf(!isInstalled('sed', '--version'))('sed', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('sed');
    const lists = argumentLists(profile, {
      without: ['--help', '--version', '--debug', '--follow-symlinks', '--sandbox', '--posix', '-f'],
      valuesOf: ({ names }) => (names.includes('-l') ? ['5', '70', '-1', 'p'] : ['p', 'd', '=', 'x', 'h', '-n', '--']),
      words: ['p', 'd', 'x', 'h', 'g', '--', '--', '-n', '-x', '--unknown'],
      before: ['--debug'],
    });
    const runs = await runEach(['sed'], lists);
    expectAgreement(compare(profile, lists, runs.map(seenBySed), sedOf), {
      agreed: 35,
      stricter: ABBREVIATION,
      looser: /unknown command|no input|Usage|couldn't|extra char|invalid|unterm/,
    });
  });
});

/** Files that hold their names, so that the output tells which were read. */
function makeFiles(directory: string): void {
  const names = ['w', 'v'].flatMap((letter) => Array.from({ length: 30 }, (_, index) => `${letter}${index}`));
  for (const name of [...names, '-x', '-n', '--unknown', '5']) writeFileSync(join(directory, name), `${name}\n`);
}

/** What it reads; nothing is printed where the output goes to a file. */
function sortOf(call: ReadCall): string[] {
  return valuesOf(call, '--output').length > 0 ? [] : [...new Set(operandsOf(call))].sort();
}

describe.skipIf(!isInstalled('sort', '--version'))('sort', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('sort');
    const values: Readonly<Record<string, readonly string[]>> = {
      '--key': ['1', '1r', '5', 'w%'],
      '--field-separator': [':', '=', '-', 'w%'],
      '--buffer-size': ['5', '7b', '-n', 'w%'],
      '--check': ['quiet', 'silent'],
    };
    const lists = argumentLists(profile, {
      without: [
        '--help',
        '--version',
        '-o',
        '-u',
        '--files0-from',
        '--random-source',
        '--compress-program',
        '--sort',
        '-c',
        '-C',
        '--check',
        '--debug',
      ],
      valuesOf: ({ names }) => values[names.at(-1) ?? ''] ?? ['5', 'w%', '-x', '--'],
      words: ['w%', 'w%', '--', '-n', '-x', '5', '--unknown'],
    });
    const runs = await inDirectory(async (cwd) => {
      makeFiles(cwd);
      return runEach(['sort'], lists, { cwd });
    });
    const seen = runs.map(
      ({ status, stdout, stderr }): Seen =>
        status === 0 ? { shown: [...new Set(stdout.split(/[\n\0]+/))].filter(Boolean).sort() } : { refused: stderr },
    );
    const compared = compare(profile, lists, seen, sortOf);
    expectAgreement(compared, {
      agreed: 35,
      stricter: ABBREVIATION,
      looser: /incompatible|invalid|No such file|multi-char|empty|multiple output/,
    });
  });
});

/** What tar says beside what keeps it from reading the archive to its end. */
const TOLD = /^tar: .*Not found in archive$|^tar: (?:Exiting|Pattern|Use) |^block \d+: |^Total bytes|^$/;

/** The members that are not in the archive, which is empty. */
function seenByTar({ stdout, stderr }: Run): Seen {
  const other = stderr.split('\n').filter((line) => !TOLD.test(line));
  if (other.length > 0 || stdout.startsWith('Usage')) return { refused: other.join(' ') };
  return { shown: found(stderr, /^tar: (.*): Not found in archive$/gm) };
}

/** Tar names members without the slash at their end. */
function membersOf(call: ReadCall): string[] {
  return operandsOf(call).map((text) => text.replace(/(?<=.)\/$/, ''));
}

describe.skipIf(!isInstalled('tar', '--version'))('tar', () => {
  it.each([
    ['new style', ['-tf A', '-tvfA', '--list', '-t', '-tbf 20 A', '-t -f', '--lis']],
    [
      'old style',
      [
        'tf A',
        'tvf A',
        'tfb A 20',
        'tbf 20 A',
        'tfC A /',
        'tCbf / 20 A',
        'tfX A /dev/null',
        'ftv A',
        't',
        'tvi',
        'tf',
        ' -tf A',
      ],
    ],
  ])('reads as its profile does: %s', async (_, first) => {
    const profile = shippedProfile('tar');
    const values: Readonly<Record<string, readonly string[]>> = {
      '--file': ['A', 'A', 'A', 'w%'],
      '--blocking-factor': ['20', '7', 'A'],
      '--strip-components': ['1', '20'],
      '--exclude': ['w%', '-x', '--', '-tf'],
      '--exclude-from': ['/dev/null'],
      '--totals': ['w%', 'USR1'],
    };
    const lists = argumentLists(profile, {
      only: [
        '-f',
        '-b',
        '-C',
        '-X',
        '-v',
        '-i',
        '-B',
        '-p',
        '-O',
        '--exclude',
        '--strip-components',
        '--wildcards',
        '--totals',
        '-R',
      ],
      valuesOf: ({ names }) => values[names.at(-1) ?? ''] ?? ['/', '/dev', '/dev/null', '20'],
      words: ['w%', 'w%', 'A', '20', '/', '--', '-v', '--unknown', '-?x'],
      first,
      longest: 5,
    });
    const runs = await inDirectory(async (cwd) => {
      await runOnce('tar', ['-cf', join(cwd, 'A'), '-T', '/dev/null'], '');
      return runEach(['tar'], lists, { cwd, env: { TAPE: 'A' } });
    });
    const compared = compare(profile, lists, runs.map(seenByTar), membersOf);
    const looser =
      /Cannot (?:open|read)|No such file|Invalid|Unknown signal|Multiple archive|more than one|requires an argument|Is a directory|must specify|there: $/;
    expectAgreement(compared, { agreed: 35, stricter: ABBREVIATION, looser });
  });
});
