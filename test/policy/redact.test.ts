import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactArgv, redactDirectory } from '../../src/policy/redact.ts';
import { toolOf } from './policy-of.ts';

function redact(...argv: string[]): unknown {
  return redactArgv(undefined, argv).argv;
}

describe('redactArgv', () => {
  it('leaves ordinary arguments alone', () => {
    const argv = [
      'item',
      'get',
      'AWS root',
      '--vault',
      'Shared',
      '--author=me',
      '--authors',
      'x',
      '-',
      '--',
      '',
      'keyboard',
      'https://h/x?a=b',
      '--path',
      'x',
    ];
    expect(redactArgv(toolOf({}), argv)).toEqual({ argv, cut: false });
  });

  it.each(
    '--token --access-token --password --passwd --passphrase --client-secret --api-key --apikey --api_key --auth --authorization --oauth2-bearer --credential --private-key --cookie --TOKEN -token'.split(
      ' ',
    ),
  )('replaces the value of %s, attached or the next argument', (option) => {
    expect(redact('x', option, 'hunter2', 'y')).toEqual(['x', option, '[redacted]', 'y']);
    expect(redact(`${option}=hunter2`, 'y')).toEqual([`${option}=[redacted]`, 'y']);
    expect(redact(option, '-hunter2')).toEqual([option, '[redacted]']);
  });

  it('replaces values that are named within one argument', () => {
    expect(redact('-H', 'Authorization: Bearer hunter2')).toEqual(['-H', 'Authorization: [redacted]']);
    expect(redact('-f', 'token=hunter2', 'DB_PASSWORD=hunter2')).toEqual([
      '-f',
      'token=[redacted]',
      'DB_PASSWORD=[redacted]',
    ]);
    expect(redact('https://user:hunter2@h/x', '--url=https://u:hunter2@h')).toEqual([
      'https://user:[redacted]@h/x',
      '--url=https://u:[redacted]@h',
    ]);
  });

  it('replaces a value that spans lines', () => {
    expect(redact('--secret=a\nhunter2')).toEqual(['--secret=[redacted]']);
  });

  it('leaves an empty value, and takes none where it is attached', () => {
    expect(redact('--token=', 'x')).toEqual(['--token=', 'x']);
    expect(redact('--token=a', 'x')).toEqual(['--token=[redacted]', 'x']);
  });

  it('replaces what the policy names, as a part of the name, whatever its case', () => {
    const tool = toolOf({ audit: { redact_patterns: ['--session', 'PIN'] } });
    const { argv } = redactArgv(tool, ['--session', 'a', '--session-id=b', '--my-pin', 'c', '--vault', 'd']);
    expect(argv).toEqual([
      '--session',
      '[redacted]',
      '--session-id=[redacted]',
      '--my-pin',
      '[redacted]',
      '--vault',
      'd',
    ]);
  });

  it('compares a short option as a whole, its value attached or next', () => {
    const tool = toolOf({ audit: { redact_patterns: ['-p'] } });
    const { argv } = redactArgv(tool, ['-p', 'a', '-phunter2', '--path', 'b', '-p=c', '-p']);
    expect(argv).toEqual(['-p', '[redacted]', '-p[redacted]', '--path', 'b', '-p[redacted]', '-p']);
  });

  it('keeps nothing from the first argument on that holds what may not be sent', () => {
    const tool = toolOf({ input_deny: ['private-key', 'provider-tokens'] });
    const key = [`-----BEGIN PRIVATE KEY-----`, 'MIIEvQIBADANBgkqhkiG9w0BAQ', `-----END PRIVATE KEY-----`];
    const marker = '[redacted:private-key]';
    const redacted = (...argv: string[]): unknown => redactArgv(tool, argv).argv;
    expect(redacted('put', ...key, 'x')).toEqual(['put', marker, marker, marker, marker]);
    expect(redacted('--private-key', ...key)).toEqual(['--private-key', marker, marker, marker]);
    expect(redacted(`--private-key=${key[0]}`, 'MIIEv')).toEqual([marker, marker]);
    expect(redacted('put', 'x')).toEqual(['put', 'x']);
  });

  it('gives nothing where the policy keeps arguments out', () => {
    expect(redactArgv(toolOf({ audit: { log_argv: false } }), ['x'])).toEqual({ argv: null, cut: false });
    expect(redactArgv(toolOf({ audit: { enabled: false } }), ['x'])).toEqual({ argv: null, cut: false });
  });

  it('cuts long arguments at whole characters, and says so', () => {
    expect(redactArgv(undefined, ['a'.repeat(4096)]).cut).toBe(false);
    const { argv, cut } = redactArgv(undefined, ['\u{1f600}'.repeat(2000), 'x']);
    expect(cut).toBe(true);
    expect(argv).toEqual(['\u{1f600}'.repeat(1024), 'x']);
  });

  it('bounds the whole, however many arguments there are', () => {
    const empty = redactArgv(undefined, Array<string>(100_000).fill(''));
    expect(empty.cut).toBe(true);
    expect(empty.argv?.length).toBeLessThan(6000);
    const long = redactArgv(undefined, Array<string>(10).fill('a'.repeat(4096)));
    expect([long.cut, long.argv?.map(({ length }) => length)]).toEqual([true, [4096, 4096, 4096, 4087]]);
  });

  it('lets no value through, whatever stands around it', () => {
    const secret = 'hunter2hunter2';
    const around = fc.array(fc.constantFrom('a', '--token', '--x', '-', '--', '=', ''), { maxLength: 4 });
    fc.assert(
      fc.property(around, around, fc.boolean(), (before, after, attached) => {
        const option = attached ? [`--password=${secret}`] : ['--password', secret];
        expect(JSON.stringify(redact(...before, ...option, ...after))).not.toContain(secret);
      }),
    );
  });
});

describe('redactDirectory', () => {
  it('keeps a directory, but none that holds what may not be sent', () => {
    const tool = toolOf({ input_deny: ['private-key'] });
    expect(redactDirectory(tool, '/srv/work')).toBe('/srv/work');
    expect(redactDirectory(tool, `/srv/-----BEGIN PRIVATE KEY-----/MIIEv`)).toBe('[redacted:private-key]');
  });

  it('cuts a long one at whole characters', () => {
    expect(redactDirectory(undefined, 'a'.repeat(4096))).toBe('a'.repeat(4096));
    expect(redactDirectory(undefined, '\u{1f600}'.repeat(2000))).toBe(`${'\u{1f600}'.repeat(1024)}...`);
  });
});
