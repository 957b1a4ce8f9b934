/** Programs that copy files, by those that are not there: rsync with popt, scp with its own getopt, wget with getopt_long. */
import { describe, it } from 'vitest';
import { argumentLists } from './lists.ts';
import {
  ABBREVIATION,
  compare,
  expectAgreement,
  isInstalled,
  operandsOf,
  type Run,
  runEach,
  type Seen,
  shippedProfile,
} from './real-tool.ts';

/** What stands between these in its messages, or the first of other messages. */
function missing({ stdout, stderr }: Run, pattern: RegExp, other: RegExp): Seen {
  const text = stderr + stdout;
  const [refused] = other.exec(text) ?? [];
  return refused === undefined ? { shown: [...text.matchAll(pattern)].map(([, name]) => name) } : { refused };
}

describe.skipIf(!isInstalled('rsync', '--version'))('rsync', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('rsync');
    const lists = argumentLists(profile, {
      only: ['-e', '-B', '-T', '--exclude', '--suffix', '--timeout', '-v', '-z', '-c', '-b', '-A', '-0', '--size-only'],
      valuesOf: ({ names }) =>
        names.includes('-B') || names.includes('--timeout')
          ? ['512', '700', '=5', 'x']
          : ['v%', 'v%', '-x', '--', 'a=b', ''],
      words: ['w%', 'w%', '--', '-v', '--unknown', '-x'],
      first: ['-n w'],
      after: ['z'],
      count: 30,
    });
    const seen = (run: Run): Seen =>
      missing(
        run,
        /link_stat "(?:.*\/)?(.*)" failed/g,
        /^rsync: (?!\[sender\] link_stat).*|^rsync error: syntax.*|^Usage/m,
      );
    const runs = await runEach(['rsync'], lists);
    const compared = compare(profile, lists, runs.map(seen), (call) => {
      const paths = operandsOf(call);
      return paths.length === 1 ? paths : paths.slice(0, -1);
    });
    expectAgreement(compared, { agreed: 8, looser: /invalid|empty without|syntax or usage/ });
  });
});

describe.skipIf(!isInstalled('scp', '-h') && !isInstalled('ssh', '-V'))('scp', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('scp');
    const lists = argumentLists(profile, {
      only: ['-l', '-i', '-P', '-o', '-q', '-p', '-r', '-C', '-4'],
      valuesOf: ({ names }) =>
        names.includes('-l') || names.includes('-P') ? ['5', '22', 'x'] : ['v%', 'v%', '-x', '--', '-P'],
      words: ['w%', 'w%', '--', '-q', '-1', '-?'],
      after: ['z%', '.'],
      count: 120,
    });
    const seen = (run: Run): Seen =>
      missing(
        run,
        /^(?:scp: stat local "|cp: cannot stat '|scp: )(.*?)["']?: No such file/gm,
        /^usage|^unknown option.*|.*(?:invalid|bad|Bad|no longer).*/m,
      );
    const runs = await runEach(['scp'], lists);
    const compared = compare(profile, lists, runs.map(seen), (call) => operandsOf(call).slice(0, -1));
    expectAgreement(compared, { agreed: 40, stricter: /-\? is not known/, looser: /usage|ad port|nvalid|no longer/ });
  });
});

describe.skipIf(!isInstalled('wget', '--version'))('wget', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('wget');
    const lists = argumentLists(profile, {
      only: ['-U', '--header', '-t', '-T', '--method', '-c', '-N', '--spider', '-4', '--no-cookies', '--compression'],
      valuesOf: ({ names }) =>
        names.includes('-t') || names.includes('-T')
          ? ['1', '2', 'x']
          : names.includes('--header')
            ? ['h%: v', 'h%: -x']
            : ['v%', '-x', '--', 'a=b', 'auto', 's%://w'],
      words: ['s%://w', 's%://w', 's%://w', '--', '--unknown', '-?'],
      first: ['--no-config', '--no-config -nv'],
      count: 120,
    });
    const seen = (run: Run): Seen =>
      missing(
        run,
        /^(s\d+:\/\/w): Unsupported scheme/gm,
        /^Usage:|^wget: .*(?:nvalid|option|missing).*|^No URLs|^Can't.*|^Specifying.*/m,
      );
    // Whatever else looks like a url goes to a proxy that is not there.
    const env = { http_proxy: 'http://127.0.0.1:1', https_proxy: 'http://127.0.0.1:1' };
    const runs = await runEach(['wget'], lists, { env });
    const compared = compare(profile, lists, runs.map(seen), (call) => {
      const silent = call.options.some(({ name }) => ['-o', '-a', '-q', '-b'].includes(name));
      return silent ? [] : operandsOf(call).filter((text) => /^s\d+:/.test(text));
    });
    expectAgreement(compared, {
      agreed: 20,
      stricter: new RegExp(`${ABBREVIATION.source}|--no-.* is not known`),
      looser: /./,
    });
  });
});
