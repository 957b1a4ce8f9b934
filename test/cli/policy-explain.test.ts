import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run, type PolicyExplainOptions } from '../../src/cli/policy-explain.ts';
import { makeGatewayDirectory } from '../fixtures/gateway-directory.ts';
import { type Ran, runCommand } from './run-command.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'carapace-explain-')));
const policies = join(root, 'policies');
mkdirSync(policies);
const file = join(policies, 'a.yaml');
const other = join(policies, 'b.yaml');
const broken = join(root, 'broken.yaml');
writeFileSync(
  file,
  `tools:
  op:
    type: cli
    binary: /usr/bin/true
    argv_allow_patterns: ["item get *"]
    argv_deny_patterns: ["* --reveal"]
    env_allow: [LANG]
    tests: [{allow: this one fails}]
  tell:
    type: cli
    binary: /usr/bin/true
    argv_allow_patterns: ["say *"]
`,
);
writeFileSync(
  other,
  `tools: {ls: {type: cli, binary: /usr/bin/true, argv_allow_patterns: [""], cwd_allowed: ["${root}"]}}\n`,
);
const server = join(root, 'server.yaml');
writeFileSync(
  server,
  `tools:
  signal:
    type: http
    upstream: http://127.0.0.1:18080/base
    allow: ["POST /rpc", "GET /events"]
    jsonrpc_allow_methods: [send]
    jsonrpc_param_filters: {send: {field: to, allow_patterns: ["+1*"], allow_keys: [to, n]}}
`,
);
writeFileSync(broken, 'tools: {op: {type: cli}}\n');
afterAll(() => rmSync(root, { recursive: true }));

function explain(options: Partial<PolicyExplainOptions>, stdin: readonly (string | Buffer)[] = []): Promise<Ran> {
  return runCommand(() => run({ policy: [file], words: [], ...options }), stdin);
}

async function answers(...lines: string[]): Promise<Record<string, unknown>[]> {
  const { status, stdout } = await explain({ policy: [file, other], stdin: true, json: true }, [
    `${lines.join('\n')}\n`,
  ]);
  expect(status).toBe(0);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('policy explain of one call', () => {
  it('ends with 0 for an allow and 1 for a denial, and says why', async () => {
    const allowed = await explain({ words: ['op', 'item', 'get', 'x'] });
    expect(allowed.status).toBe(0);
    expect(allowed.stdout).toContain('allow: op\n');
    expect(allowed.stdout).toContain(`${file}:5`);
    const denied = await explain({ words: ['op', 'item', 'get', '--reveal'] });
    expect(denied.status).toBe(1);
    expect(denied.stdout).toContain('(rule-denies at');
    expect(denied.stdout).toContain('\n  subcommand  item get\n  option      --reveal  (prints-secret)\n');
  });

  it('prints JSON for programs', async () => {
    const { stdout } = await explain({ words: ['op', 'item', 'get', 'x'], json: true });
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'allow',
      reason: null,
      rule: `${file}:5`,
      tool: 'op',
      token: null,
      env: [],
      stdin: 'none',
      cwd: null,
    });
  });

  it('tells programs how the arguments were read, and nothing where no profile knows the tool', async () => {
    const read = async (...words: string[]): Promise<unknown> => {
      const { stdout } = await explain({ words, json: true });
      return (JSON.parse(stdout) as { read: unknown }).read;
    };
    expect(await read('op', 'item', 'get', 'x', '--vault=Shared', '--reveal')).toEqual({
      verb: ['item', 'get'],
      options: [
        { name: '--vault', values: ['Shared'], on: true, class: 'safe' },
        { name: '--reveal', values: [], on: true, class: 'prints-secret' },
      ],
      operands: ['x'],
    });
    expect(await read('tell', 'say', 'x')).toBeNull();
    expect(await read('nobody')).toBeNull();
  });

  it('is told the working directory', async () => {
    expect((await explain({ policy: [other], words: ['ls'], cwd: root })).status).toBe(0);
    const refused = await explain({ policy: [other], words: ['ls'], cwd: '/' });
    expect(refused.status).toBe(1);
    expect(refused.stdout).toContain('(cwd-refused');
  });

  it("lets no wildcard name a file of the gateway's own directory, as the gateway does not", async () => {
    const own = makeGatewayDirectory();
    try {
      const tool = `{type: cli, binary: /usr/bin/true, argv_allow_patterns: [". *"], cwd_allowed: ["${own.path}"]}`;
      own.writePolicy('a', `tools: {jq: ${tool}}\n`);
      const call = { words: ['jq', '.', 'policies/a.yaml'], cwd: own.path };
      const refused = await explain({ ...call, policy: [], dir: own.path });
      expect(refused.stdout).toContain('is not allowed (path-refused at ');
      expect((await explain({ ...call, policy: [join(own.policiesDirectory, 'a.yaml')] })).status).toBe(0);
    } finally {
      own.remove();
    }
  });

  it('takes all policies of the directory where none is named', async () => {
    const { status } = await explain({ policy: [], dir: root, words: ['ls'] });
    expect(status).toBe(0);
  });

  it('ends with 65 where a policy does not load, or two define one tool', async () => {
    const unloadable = await explain({ policy: [broken], words: ['op'] });
    expect([unloadable.status, unloadable.stdout]).toEqual([65, '']);
    expect(unloadable.stderr).toContain(`carapace: error: ${broken}:1:13: tools.op: 'binary' is missing`);
    const twice = join(root, 'twice.yaml');
    writeFileSync(twice, 'tools: {op: {type: cli, binary: /x}}');
    expect((await explain({ policy: [file, twice], words: ['op'] })).stderr).toContain('is also defined in');
  });

  it('says what it expects where it is given neither a call nor --stdin, or both', async () => {
    await expect(explain({})).rejects.toMatchObject({ code: 'usage' });
    await expect(explain({ words: ['op'], stdin: true })).rejects.toMatchObject({ code: 'usage' });
    await expect(explain({ policy: [join(root, 'none.yaml')], words: ['op'] })).rejects.toMatchObject({
      code: 'bad-data',
    });
  });
});

describe('policy explain of requests on stdin', () => {
  it('answers each line with one line', async () => {
    expect(
      await answers(
        '{"tool":"op","argv":["item","get","x"],"env":{"LANG":"C","LD_PRELOAD":"/x"}}',
        '{"tool":"op","argv":["item","get","x","--reveal"]}',
        '{"tool":"nobody","argv":[]}',
      ),
    ).toMatchObject([
      { verdict: 'allow', reason: null, rule: `${file}:5`, token: null, env: ['LANG'], envDropped: 1 },
      { verdict: 'deny', reason: 'rule-denies', rule: `${file}:6`, token: '--reveal', env: [] },
      { verdict: 'deny', reason: 'no-such-tool', rule: null, token: 'nobody', env: [] },
    ]);
  });

  it('opens the working directory as the gateway does', async () => {
    const found = await answers(
      JSON.stringify({ tool: 'ls', argv: [], cwd: policies }),
      JSON.stringify({ tool: 'ls', argv: [], cwd: '/' }),
      JSON.stringify({ tool: 'ls', argv: [], cwd: join(root, 'none') }),
      JSON.stringify({ tool: 'ls', argv: [] }),
    );
    expect(found.map(({ verdict, reason, cwd }) => [verdict, reason, cwd])).toEqual([
      ['allow', null, policies],
      ['deny', 'cwd-refused', undefined],
      ['deny', 'cwd-refused', undefined],
      ['allow', null, root],
    ]);
  });

  it.each([
    '',
    'x',
    '[]',
    '{"tool":"op"}',
    '{"argv":[]}',
    '{"tool":1,"argv":[]}',
    '{"tool":"op","argv":"item"}',
    '{"tool":"op","argv":[1]}',
    '{"tool":"op","argv":[],"env":[]}',
    '{"tool":"op","argv":[],"env":{"A":1}}',
    '{"tool":"op","argv":[],"cwd":null}',
    '{"tool":"op","argv":[],"shell":true}',
    '{"tool":"op","tool":"ls","argv":[]}',
    '{"tool":"op","argv":["\\ud800"]}',
    '{"tool":"op","argv":["a\\u0000"]}',
    '{"tool":"op","http":{"method":"GET"}}',
    '{"tool":"op","argv":[]} x',
  ])('answers %s with a denial: malformed', async (line) => {
    const [answer] = await answers(line);
    expect(answer).toMatchObject({
      verdict: 'deny',
      reason: 'malformed',
      rule: null,
      token: null,
      env: [],
      read: null,
    });
    expect(answer?.['message']).toBeTypeOf('string');
  });

  it('prints ASCII only, whatever the request holds', async () => {
    const line = JSON.stringify({ tool: 'tell', argv: ['é\u202e\u001b\u009b', '\u{1f600}'] });
    const { stdout } = await explain({ stdin: true, json: true }, [`${line}\n`]);
    expect(stdout).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(stdout)).toMatchObject({ token: 'é\u202e\u001b\u009b' });
  });

  it('reads lines however they come, the last one without its end too', async () => {
    const call = '{"tool":"tell","argv":["say","\u{1f600}"]}';
    const bytes = [...Buffer.from(`${call}\r\n${call}\n${call}`)].map((byte) => Buffer.from([byte]));
    const { stdout } = await explain({ stdin: true, json: true }, bytes);
    expect(stdout.match(/"verdict":"allow"/g)).toHaveLength(3);
    expect((await explain({ stdin: true, json: true }, [])).stdout).toBe('');
  });

  it('answers a line that is too long or no UTF-8, and goes on', async () => {
    const lines = [
      Buffer.from([0xff, 0x0a]),
      'x'.repeat(5 * 1024 * 1024),
      'y'.repeat(5 * 1024 * 1024),
      '\n{"tool":"tell","argv":["say"]}\n',
    ];
    const { stdout } = await explain({ stdin: true, json: true }, lines);
    expect(stdout.match(/"reason":"[a-z]+"|"verdict":"allow"/g)).toEqual([
      '"reason":"malformed"',
      '"reason":"malformed"',
      '"verdict":"allow"',
    ]);
  });

  it('takes an argument of 128 KiB', async () => {
    const [answer] = await answers(JSON.stringify({ tool: 'tell', argv: ['say', 'a'.repeat(131_071)] }));
    expect(answer?.['verdict']).toBe('allow');
  });

  it('prints text for people without --json', async () => {
    const { stdout } = await explain({ stdin: true }, ['{"tool":"tell","argv":["say"]}\n{\n']);
    expect(stdout).toContain('allow: tell\n');
    expect(stdout).toMatch(/\ndeny: .*JSON.* \(malformed\)\n$/);
  });
});

describe('policy explain of requests to servers', () => {
  const call = { jsonrpc: '2.0', id: 1, method: 'send', params: { to: '+1' } };

  async function decided(...requests: unknown[]): Promise<Record<string, unknown>[]> {
    const lines = requests.map((request) => (typeof request === 'string' ? request : JSON.stringify(request)));
    const options = { policy: [server], stdin: true, json: true };
    const { status, stdout } = await explain(options, [`${lines.join('\n')}\n`]);
    expect(status).toBe(0);
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it('takes a request whose body is text, or JSON', async () => {
    const http = { method: 'POST', path: '/rpc', headers: { 'Content-Type': 'application/json', Cookie: 'x' } };
    const both = await decided(
      { tool: 'signal', http: { ...http, body: JSON.stringify(call) } },
      { tool: 'signal', http: { ...http, body: call } },
      { tool: 'signal', http: { ...http, body: [call, { ...call, id: 2, method: 'x' }] } },
      { tool: 'signal', http: { method: 'GET', path: '/events?account=x' } },
      { tool: 'signal', http: { method: 'GET', path: '/events', headers: [['Accept', 'x']] } },
      { tool: 'other', http: { method: 'GET', path: '/' } },
    );
    expect(both.map(({ verdict, reason, token }) => [verdict, reason, token])).toEqual([
      ['allow', null, null],
      ['allow', null, null],
      ['deny', 'no-rule', 'x'],
      ['deny', 'no-rule', 'account'],
      ['allow', null, null],
      ['deny', 'no-such-tool', 'other'],
    ]);
    expect(both[0]).toMatchObject({
      rule: `${server}:5`,
      path: '/rpc',
      headers: ['content-type'],
      headersDropped: ['cookie'],
      messages: [{ method: 'send', verdict: 'allow', rule: `${server}:6` }],
      env: [],
    });
    expect(both[2]).toMatchObject({ messages: [{ verdict: 'allow' }, { verdict: 'deny', reason: 'no-rule' }] });
  });

  it('reads a body that is text as the gateway does', async () => {
    const text = (body: string): unknown => ({ tool: 'signal', http: { method: 'POST', path: '/rpc', body } });
    const [twice, bom, none] = await decided(
      text('{"jsonrpc":"2.0","id":1,"method":"send","method":"send","params":{"to":"+1"}}'),
      text(`\ufeff${JSON.stringify(call)}`),
      text(''),
    );
    expect(twice).toMatchObject({
      verdict: 'deny',
      reason: 'value-refused',
      message: expect.stringContaining('no JSON-RPC'),
    });
    expect([bom?.['verdict'], none?.['verdict']]).toEqual(['deny', 'deny']);
  });

  it('takes messages alone, numbers as they are written', async () => {
    const messages = await decided(
      { tool: 'signal', rpc: { method: 'send', params: { to: '+1' } } },
      { tool: 'signal', rpc: [call, { ...call, id: 2, params: { to: '+49' } }] },
      { tool: 'signal', rpc: { method: 3 } },
      '{"tool":"signal","rpc":{"method":"send","params":{"to":"+1","n":123456789012345678901234567890}}}',
    );
    expect(messages.map(({ verdict, reason }) => [verdict, reason])).toEqual([
      ['allow', null],
      ['deny', 'value-refused'],
      ['deny', 'value-refused'],
      ['allow', null],
    ]);
  });

  it('answers every line, what is no request with malformed', async () => {
    const answered = await decided(
      { tool: 'signal', http: { method: 'GET' } },
      { tool: 'signal', http: { method: 'GET', path: '/x', query: 'y' } },
      { tool: 'signal', http: [] },
      { tool: 'signal', http: { method: 'GET', path: '/x', headers: { a: 1 } } },
      { tool: 'signal', rpc: {}, argv: [] },
      { http: { method: 'GET', path: '/x' } },
      '{"tool":"signal","http":{"method":"GET","method":"POST","path":"/x"}}',
    );
    expect(answered.map(({ reason }) => reason)).toEqual(Array(7).fill('malformed'));
  });

  it('is text for people', async () => {
    const { stdout } = await explain({ policy: [server], stdin: true }, [
      '{"tool":"signal","http":{"method":"GET","path":"/events"}}\n',
    ]);
    expect(stdout).toContain('allow: signal\n');
    expect(stdout).toContain('  sends       GET http://127.0.0.1:18080/base/events\n');
  });
});
