import { describe, expect, it } from 'vitest';
import { parseInjectedText } from '../../src/policy/injected-text.ts';
import { compileInjections } from '../../src/policy/compile-injection.ts';
import { lintInjection } from '../../src/policy/lint-injection.ts';
import { injected } from '../../src/policy/schema-injection.ts';
import { describeReference } from '../../src/model/injection.ts';

function compile(name: string, value: unknown) {
  const parsed = injected.safeParse(value);
  if (!parsed.success) throw new Error(parsed.error.issues.map(({ message }) => message).join('\n'));
  const { plain, secrets } = compileInjections({ [name]: parsed.data });
  return plain.get(name) ?? secrets.get(name);
}

/** Every message there is about a value, of nested alternatives too. */
function problemsOf(value: unknown): string {
  return JSON.stringify(injected.safeParse(value).error?.issues ?? 'none');
}

describe('text with references', () => {
  it.each([
    ['plain', ['plain']],
    ['', ['']],
    ['Bearer ${secret:api-token}', ['Bearer ', { kind: 'secret', name: 'api-token' }]],
    ['${ env : HOST }:${file:/etc/x}', [{ kind: 'env', name: 'HOST' }, ':', { kind: 'file', path: '/etc/x' }]],
    ['${credential:a@b}', [{ kind: 'credential', name: 'a@b' }]],
    ['$${secret:x} and ${HOME} $x', ['${secret:x} and ${HOME} $x']],
    ['a$$${secret:x}', ['a$${secret:x}']],
  ])('%j', (text, parts) => {
    expect(parseInjectedText(text)).toEqual({ ok: true, parts });
  });

  it.each([
    ['${secret:x', "holds '${secret:' without its '}'"],
    ['${secret:}', 'is no name of a secret'],
    ['${secret:a b}', 'is no name of a secret'],
    ['${secret:../../x}', 'is no name of a secret'],
    ['${credential:a/b}', 'is no name of a credential'],
    ['${credential:..}', 'is no name of a credential'],
    ['${env:A=B}', 'is no name of a variable'],
    ['${file:x}', 'is not an absolute path'],
    ['${command:/bin/x}', 'a command reference is a value of its own'],
    ['a\0b', 'holds NUL'],
    ['\uD800', 'lone surrogate'],
  ])('%j is refused', (text, problem) => {
    expect(parseInjectedText(text)).toMatchObject({ ok: false, message: expect.stringContaining(problem) });
  });
});

describe('a value to inject', () => {
  it.each<[unknown, unknown]>([
    [{ secret: 'op' }, { parts: [{ kind: 'secret', name: 'op' }], redacted: true }],
    [
      { secret: 'op', redact: false },
      { parts: [{ kind: 'secret', name: 'op' }], redacted: false },
    ],
    [{ file: '/etc/token' }, { parts: [{ kind: 'file', path: '/etc/token' }], redacted: true }],
    [{ env: 'OP' }, { parts: [{ kind: 'env', name: 'OP' }], redacted: true }],
    [{ credential: 'op' }, { parts: [{ kind: 'credential', name: 'op' }], redacted: true }],
    [
      { command: ['/usr/bin/pass', 'show', 'x'] },
      {
        parts: [{ kind: 'command', argv: ['/usr/bin/pass', 'show', 'x'], timeLimitMs: 10_000, cacheMs: 0 }],
        redacted: true,
      },
    ],
    [
      { command: ['/bin/x'], timeout_secs: 3, cache_secs: 60 },
      { parts: [{ kind: 'command', argv: ['/bin/x'], timeLimitMs: 3000, cacheMs: 60_000 }], redacted: true },
    ],
    [
      { oauth2: { token_url: 'https://a.example/token', client: { id: 'me' }, refresh: 'google' } },
      {
        parts: [
          {
            kind: 'oauth2',
            tokenUrl: 'https://a.example/token',
            clientId: 'me',
            clientSecret: null,
            clientAuth: 'basic',
            refresh: 'google',
            scope: null,
          },
        ],
        redacted: true,
      },
    ],
    [
      { value: 'literal-text', secret: true },
      { parts: ['literal-text'], redacted: true },
    ],
    [
      { value: 'Bearer ${secret:op}', secret: false },
      { parts: ['Bearer ', { kind: 'secret', name: 'op' }], redacted: true },
    ],
  ])('%j', (value, injection) => {
    expect(compile('X', value)).toEqual(injection);
  });

  it('is taken for a secret by its name, unless the policy says otherwise', () => {
    for (const name of ['API_KEY', 'GH_TOKEN', 'client_secret', 'PGPASSWORD', 'OP_SESSION_my'])
      expect(compile(name, 'literal'), name).toEqual({ parts: ['literal'], redacted: true });
    for (const name of ['HOME', 'GOG_KEYRING_BACKEND', 'KEYBOARD']) expect(compile(name, 'x'), name).toBe('x');
    expect(compile('GIT_CONFIG_KEY_0', { value: 'core.x', secret: false })).toBe('core.x');
  });

  it('is not taken out of anything where the tool says redact: false', () => {
    const source = { TOKEN: injected.parse({ secret: 'x' }), PASSWORD: injected.parse('short') };
    const { secrets } = compileInjections(source, false);
    expect([...secrets.values()].map(({ redacted }) => redacted)).toEqual([false, false]);
  });

  it('with a client secret of OAuth', () => {
    const oauth2 = { token_url: 'http://127.0.0.1:1/t', refresh: 'r', scope: 'mail' };
    const client = { id: 'me', secret: { command: ['/bin/x'] }, auth: 'body' };
    expect(compile('X', { oauth2: { ...oauth2, client } })).toMatchObject({
      parts: [{ clientSecret: { kind: 'command', argv: ['/bin/x'] }, clientAuth: 'body', scope: 'mail' }],
    });
  });

  it.each([
    [{ command: ['op', 'read'] }, 'absolute path'],
    [{ command: [] }, 'too_small'],
    [{ command: ['/usr/bin/sleep', 20] }, '"command[1]: expected text; put it in quotes"'],
    [{ command: '/usr/bin/sleep' }, '"expected text, {secret: NAME}'],
    [{ file: 'x' }, 'is not an absolute path'],
    [{ file: '/a/../b' }, ''],
    [{ secret: '' }, 'is no name of a secret'],
    [{ secret: 'a', env: 'B' }, 'unrecognized_keys'],
    [{ oauth2: { token_url: 'http://a.example/', client: { id: 'x' }, refresh: 'r' } }, 'is not https'],
    [{ oauth2: { token_url: 'https://u:p@a.example/', client: { id: 'x' }, refresh: 'r' } }, 'holds a user'],
    [{ oauth2: { token_url: 'https://:p@a.example/', client: { id: 'x' }, refresh: 'r' } }, 'holds a user'],
    [
      { oauth2: { token_url: 'https://a.example/#f', client: { id: 'x' }, refresh: 'r' } },
      'holds a user or a fragment',
    ],
    [{ value: 'hunter2-hunter2 ${secret:x}', secret: true }, 'is for text without references'],
    [12, 'expected text; put it in quotes'],
    [null, 'expected text, {secret: NAME}'],
  ])('%j is refused', (value, problem) => {
    expect(injected.safeParse(value).success).toBe(false);
    expect(problemsOf(value)).toContain(problem);
  });

  it('gets warnings that hold nothing of it', () => {
    const lint = (name: string, value: unknown) => {
      const parsed = injected.parse(value);
      return lintInjection(parsed, compileInjections({ [name]: parsed }).secrets.get(name));
    };
    expect(lint('HOME', '/home/x')).toEqual([]);
    expect(lint('TOKEN', { secret: 'x' })).toEqual([]);
    expect(lint('TOKEN', 'hunter2-hunter2')).toEqual([expect.stringContaining('carapace secret set')]);
    expect(lint('TOKEN', { value: 'hunter2', secret: true })).toEqual([expect.stringContaining('shorter than 8')]);
    expect(lint('TOKEN', { value: 'hunter22', secret: true })).toEqual([]);
    expect(lint('X', 'Bearer ${secrets:x}')).toEqual([expect.stringContaining('no kind of reference')]);
    expect(lint('X', '$${secret:x} ${HOME} ${x:-y}')).toEqual([]);
    expect(lint('X', { value: '${x:y}', secret: false })).toEqual([]);
    expect(lint('X', 'a {{ vault.x }}')).toEqual([expect.stringContaining('no value is filled in')]);
  });
});

describe('the description of a reference', () => {
  it('names its place', () => {
    expect(describeReference({ kind: 'secret', name: 'op' })).toBe('secret op');
    expect(describeReference({ kind: 'command', argv: ['/bin/x', 'arg'], timeLimitMs: 1, cacheMs: 0 })).toBe(
      'command /bin/x',
    );
  });
});
