import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { formatConfig, loadConfig } from '../../src/config/config.ts';
import { formatProblem } from '../../src/model/problem.ts';

function load(text: string): Config {
  const loaded = loadConfig('carapace.yaml', text);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.config;
}

function problemsOf(text: string): string[] {
  const loaded = loadConfig('carapace.yaml', text);
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

describe('carapace.yaml', () => {
  it.each(['', '# nothing\n', '{}', '---\n', 'log: {}\nlimits: {}\naudit: {}\n'])(
    'has a default for every key: %j',
    (text) => {
      expect(load(text)).toMatchObject({
        listen: [{ kind: 'tcp', host: '127.0.0.1', port: 2222 }],
        log: { level: 'info', format: 'text' },
        auditDurable: false,
        loginGraceMs: 20_000,
        maxAuthTries: 6,
        maxUnauthenticated: 100,
        maxChannelsPerClient: 64,
        drainMs: 10_000,
        runAs: { kind: 'gateway' },
        clientUids: null,
        runnerSockets: '/run/carapace-runner',
      });
    },
  );

  it('is read whole', () => {
    const text = `
listen: ["0.0.0.0:22", "[::1]:2222", "unix:/run/carapace.sock"]
log: {level: debug, format: json}
audit: {durable: true}
limits: {login_grace_secs: 5, max_auth_tries: 2, max_unauthenticated: 10, max_channels_per_client: 8}
run_as: {user: op, client_uids: [200000, 200999], sockets: /srv/runners}
drain_secs: 0
`;
    expect(load(text)).toMatchObject({
      listen: [{ port: 22 }, { host: '::1' }, { kind: 'unix', path: '/run/carapace.sock' }],
      log: { level: 'debug', format: 'json' },
      auditDurable: true,
      loginGraceMs: 5000,
      maxAuthTries: 2,
      maxUnauthenticated: 10,
      maxChannelsPerClient: 8,
      drainMs: 0,
      runAs: { kind: 'user', name: 'op' },
      clientUids: [200_000, 200_999],
      runnerSockets: '/srv/runners',
    });
    expect(load('run_as: {user: per-client}').runAs).toEqual({ kind: 'per-client' });
  });

  it.each([
    ['lisen: []', "carapace.yaml:1:1: unknown key 'lisen' (did you mean 'listen'?)"],
    ['run_as: {user: "a b"}', 'expected the name of a user, or per-client'],
    ['run_as: {client_uids: [0, 5]}', 'carapace.yaml:1:24: run_as.client_uids[0]: '],
    ['run_as: {client_uids: [3000, 2000]}', 'expected [FIRST, LAST]'],
    ['run_as: {sockets: run}', 'expected an absolute path'],
    [
      'limits:\n  max_auth_trys: 3',
      "carapace.yaml:2:3: limits: unknown key 'max_auth_trys' (did you mean 'max_auth_tries'?)",
    ],
    [
      'log: {level: loud}',
      'carapace.yaml:1:14: log.level: invalid option: expected one of "debug"|"info"|"warn"|"error"',
    ],
    ['drain_secs: "5"', 'carapace.yaml:1:13: drain_secs: invalid input: expected number, received string'],
    ['drain_secs: 1.5', 'carapace.yaml:1:13: drain_secs: '],
    ['limits: {max_auth_tries: 0}', 'carapace.yaml:1:26: limits.max_auth_tries: too small'],
    ['listen: []', 'carapace.yaml:1:9: listen: too small'],
    [
      'listen:\n  - 127.0.0.1:2222\n  - "2222"',
      "carapace.yaml:3:5: listen[1]: '2222' is not of the form HOST:PORT, [IPV6]:PORT or unix:/path",
    ],
    ['audit: yes', 'carapace.yaml:1:8: audit: invalid input: expected object, received string'],
    ['- a', 'carapace.yaml:1:1: invalid input: expected object, received array'],
    ['listen: [', 'carapace.yaml:1:'],
    ['drain_secs: 1\ndrain_secs: 2', 'carapace.yaml:2:1: map keys must be unique'],
    ['a: &x 1\ndrain_secs: *x', 'aliases are not accepted'],
    ['drain_secs: !!js 5', 'carapace.yaml:1:13: unresolved tag'],
    ['--- {}\n--- {}', 'carapace.yaml:2:'],
    ['<<: {drain_secs: 1}', "carapace.yaml:1:1: unknown key '<<'"],
    ['"a\\u001b": 1', "carapace.yaml:1:1: unknown key 'a\\x1b'"],
  ])('refuses %j with its place', (text, message) => {
    expect(problemsOf(text).join('\n')).toContain(message);
  });

  it('names all problems at once, in the order of the file', () => {
    expect(problemsOf('drain_secs: x\nlog: {level: 1}\nzzz: 1\n').map((line) => line.split(':')[1])).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  it('is read back as it is printed', () => {
    for (const text of ['', 'listen: ["unix:/a"]\nlog: {level: warn}\n'])
      expect(load(formatConfig(load(text)))).toEqual(load(text));
  });

  it('never makes the loader throw', () => {
    const piece = fc.constantFrom(
      'listen',
      'log',
      ':',
      ' ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '&a',
      '*a',
      '!!x',
      '"',
      '1',
      'drain_secs: 3',
      '\t',
      '__proto__: 1',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
        ),
        (text) => {
          const loaded = loadConfig('f', text);
          expect(loaded.ok || loaded.problems.length > 0).toBe(true);
        },
      ),
    );
  });
});
