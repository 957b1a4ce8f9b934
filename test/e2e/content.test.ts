/** Rules on content through the whole gateway: what a tool may not print, and what it may not be given. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, finish, frame, processesWith, TestGateway, until } from '../helpers/gateway.ts';
import { replyEvents, streamOf } from '../helpers/reply-events.ts';
import { SAMPLES } from '../policy/content/samples.ts';

const KEY = sample('private-key', 0);
const TOKEN = sample('github-token', 0);
const INJECTED = sample('github-token', 1);
const CARD = sample('card-number', 0);
const LOOK_ALIKE = SAMPLES['github-token']?.lookAlikes[0] ?? '';

function sample(detector: string, index: number): string {
  const found = SAMPLES[detector]?.secrets[index];
  if (typeof found !== 'string') throw new Error(`no sample of ${detector}`);
  return found;
}

const PLAY = `
    type: cli
    binary: ${process.execPath}
    argv_allow_patterns: ["TOOLS/play.cjs *"]`;
const TEE = `
    type: cli
    binary: /usr/bin/tee
    argv_allow_patterns: ["*"]
    stdin: stream`;
const POLICY = `
version: 1
tools:
  ending:${PLAY}
    output_deny: [private-key, {pattern: "ticket-[0-9]{6}", name: ticket, action: end}]
  replacing:${PLAY}
    output_deny:
      - {detector: github-token, action: redact}
      - {pattern: "order [0-9]+", name: order, action: redact}
  injected:${PLAY}
    env_inject: {TOKEN: {secret: token}}
    output_deny: [github-token]
  echo:
    type: cli
    binary: /bin/echo
    argv_allow_patterns: ["*", "* *"]
    env_allow: [NOTE]
    input_deny: [provider-tokens, private-key, {detector: card-number, action: redact}]
  tee:${TEE}
    input_deny: [private-key]
  tee-replacing:${TEE}
    input_deny: [{detector: github-token, action: redact}]
`;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start({ policies: { test: POLICY }, secrets: { token: INJECTED } });
  for (const [name, value] of Object.entries({ KEY, TOKEN, CARD })) gateway.keepSecret(name, value);
});
afterAll(() => gateway.stop());

let scripts = 0;
/** The arguments that have `play.cjs` write each of these texts, and stay then. */
function printing(descriptor: 1 | 2, texts: readonly string[], stayMs = 0): string[] {
  scripts += 1;
  const path = join(gateway.tools, `content-${scripts}.json`);
  const steps = texts.flatMap((text) => [[descriptor, Buffer.from(text).toString('base64')], [2]]);
  writeFileSync(path, JSON.stringify([...steps, [stayMs]]));
  return [join(gateway.tools, 'play.cjs'), path];
}

function last(event: 'decision' | 'outcome'): Record<string, unknown> | undefined {
  return gateway.audit().findLast((one) => one['event'] === event);
}

/** No line of the key, and no half of one. */
function expectNothingOf(secret: string, output: Buffer | string): void {
  for (const line of secret.split('\n').filter((text) => text.length > 10 && !text.includes('-----')))
    expect(output.toString()).not.toContain(line.slice(0, line.length >> 1));
}

/** Five minutes: a tool that is not ended is still there when the test looks. */
const STAY_MS = 300_000;

describe('output_deny that ends a call', () => {
  it.each([1, 2] as const)(
    'ends the tool with 126, names the rule and lets nothing of it through, on descriptor %i',
    async (descriptor) => {
      const argv = printing(descriptor, ['before\n', `a ${KEY.slice(0, 70)}`, KEY.slice(70), '\nafter\n'], STAY_MS);
      const done = await gateway.call('ending', argv);
      expect(done.status).toBe(126);
      const refusal = done.stderr.slice(done.stderr.indexOf('carapace: '));
      expect(refusal).toMatch(
        /^carapace: denied: ending: what it reads or prints is refused: private-key \(content-refused, request \S+\)\n/,
      );
      const printed =
        descriptor === 1 ? done.stdout.toString() : done.stderr.slice(0, done.stderr.indexOf('carapace: '));
      expect(printed).toMatch(/^before\n(a )?$/);
      expectNothingOf(KEY, done.stdout.toString() + done.stderr);
      await until(() => processesWith(argv[1] ?? '').length === 0);
      expect(last('outcome')).toMatchObject({
        tool: 'ending',
        kind: 'limited',
        reason: 'content-refused',
        detector: 'private-key',
        redactions: { 'private-key': 1 },
        status: 126,
      });
      const { stdout } = await gateway.carapace(['audit', '--tool', 'ending', '--limit', '1']);
      expect(stdout.toString()).toContain(': content-refused: private-key, ');
    },
  );

  it('is told in frames as the exit’s reason', async () => {
    const argv = printing(1, ['fine\n', KEY], STAY_MS);
    const done = await gateway.ssh([frame({ tool: 'ending', argv, reply: 'frames' })]);
    const events = replyEvents(done.stdout);
    expect(events.at(-1)).toMatchObject({ event: 'exit', code: 126, reason: 'content-refused' });
    expect(streamOf(events, 'stdout').toString()).toMatch(/^fine\n/);
    expectNothingOf(KEY, streamOf(events, 'stdout'));
    await until(() => processesWith(argv[1] ?? '').length === 0);
  });

  it('goes by the operator’s own patterns as well, and by no look-alike', async () => {
    expect((await gateway.call('ending', printing(1, ['ticket-12345\n']))).status).toBe(0);
    const done = await gateway.call('ending', printing(1, ['ticket-', '123456\n'], STAY_MS));
    expect(done.status).toBe(126);
    expect(done.stderr).toContain('is refused: ticket (content-refused');
    expect(last('outcome')).toMatchObject({ detector: 'ticket' });
  });
});

describe('output_deny that redacts', () => {
  it('replaces what it finds, counts it, and passes everything else', async () => {
    const middle = TOKEN.length >> 1;
    const argv = printing(1, [
      `a ${TOKEN.slice(0, middle)}`,
      `${TOKEN.slice(middle)} b\n${LOOK_ALIKE}\n`,
      'order 4711!\n',
    ]);
    const done = await gateway.call('replacing', argv);
    expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' });
    expect(done.stdout.toString()).toBe(`a [redacted:github-token] b\n${LOOK_ALIKE}\n[redacted:order]!\n`);
    expect(last('outcome')).toMatchObject({
      kind: 'exited',
      detector: null,
      redactions: { 'github-token': 1, order: 1 },
    });
  });

  it('comes after the redaction of what was injected, which is no reason to end a call', async () => {
    const own = await gateway.call('injected', printing(1, [`${INJECTED}\n`]));
    expect([own.status, own.stdout.toString()]).toEqual([0, '[redacted:token]\n']);
    const other = await gateway.call('injected', printing(1, [`${INJECTED}\n`, `${TOKEN}\n`], STAY_MS));
    expect(other.status).toBe(126);
    expect(last('outcome')).toMatchObject({ detector: 'github-token', redactions: { token: 1, 'github-token': 1 } });
  });
});

describe('input_deny on arguments and variables', () => {
  async function expectRefused(done: Finished, name: string, argv: readonly string[]): Promise<void> {
    expect([done.status, done.stdout.toString()]).toEqual([126, '']);
    expect(done.stderr).toMatch(
      new RegExp(`^carapace: denied: echo: an argument holds what may not be sent: ${name} \\(content-refused, `),
    );
    expect(last('decision')).toMatchObject({ verdict: 'deny', reason: 'content-refused', argv });
  }

  it('denies the call before anything runs, and keeps the content out of the record', async () => {
    await expectRefused(await gateway.call('echo', [TOKEN]), 'github-token', ['[redacted:github-token]']);
    const inside = await gateway.call('echo', ['fine', `token ${TOKEN}.`]);
    await expectRefused(inside, 'github-token', ['fine', '[redacted:github-token]']);
    expect((await gateway.call('echo', ['fine', LOOK_ALIKE])).stdout.toString()).toBe(`fine ${LOOK_ALIKE}\n`);
  });

  it('denies whatever the rule’s action: in an argument there is nothing to replace', async () => {
    await expectRefused(await gateway.call('echo', [CARD]), 'card-number', ['[redacted:card-number]']);
  });

  it('keeps no line of a key that is cut into arguments, and no directory that is named after one', async () => {
    const argv = ['put', ...`key ${KEY}`.split('\n').filter((line) => !line.startsWith('-'))];
    const done = await gateway.ssh([frame({ tool: 'echo', argv, cwd: `/srv/${TOKEN}` })]);
    await expectRefused(
      done,
      'private-key',
      argv.map((_, index) => (index === 0 ? 'put' : '[redacted:private-key]')),
    );
    expect(last('decision')).toMatchObject({ cwd: '[redacted:github-token]' });
    expectNothingOf(KEY, JSON.stringify(last('decision')));
  });

  it('looks through the variables that pass, too', async () => {
    const done = await gateway.ssh([frame({ tool: 'echo', argv: ['fine'], env: { NOTE: KEY, OTHER: TOKEN } })]);
    expect([done.status, done.stdout.toString()]).toEqual([126, '']);
    expect(done.stderr).toContain(
      'denied: echo: a variable holds what may not be sent: private-key (content-refused, ',
    );
    expect(last('decision')).toMatchObject({ reason: 'content-refused', argv: ['fine'], env: ['NOTE'] });
    expectNothingOf(KEY, JSON.stringify(last('decision')));
    const dropped = await gateway.ssh([frame({ tool: 'echo', argv: ['fine'], env: { OTHER: TOKEN } })]);
    expect(dropped.stdout.toString()).toBe('fine\n');
  });

  it('holds for `check`, and for words on the exec command', async () => {
    await expectRefused(await gateway.ssh(['check', 'echo', TOKEN]), 'github-token', ['[redacted:github-token]']);
    expect(last('decision')).toMatchObject({ word: 'check', tool: 'echo' });
    await expectRefused(await gateway.ssh(['echo', TOKEN]), 'github-token', ['[redacted:github-token]']);
  });
});

describe('input_deny on stdin', () => {
  it('ends the tool before it has read any of it, though the client sends on', async () => {
    const file = join(gateway.tools, 'read-by-tee');
    const child = gateway.spawnSsh(['carapace', 'tee', file]);
    const finished = finishOpen(child);
    child.stdin?.write('first line\n');
    await until(() => existsSync(file) && readFileSync(file, 'utf8') === 'first line\n');
    child.stdin?.write(`a ${KEY.slice(0, 100)}`);
    child.stdin?.write(`${KEY.slice(100)}\nmore\n`);
    const done = await finished;
    expect(done.status).toBe(126);
    expect(done.stderr).toContain('tee: what it reads or prints is refused: private-key (content-refused');
    await until(() => processesWith(file).length === 0);
    expect(readFileSync(file, 'utf8')).toMatch(/^first line\n(a )?$/);
    expect(last('outcome')).toMatchObject({ tool: 'tee', kind: 'limited', detector: 'private-key' });
  });

  /** Waits for the end without closing stdin. */
  function finishOpen(child: ReturnType<TestGateway['spawnSsh']>): Promise<{ status: number | null; stderr: string }> {
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout?.resume();
    child.stdin?.on('error', () => undefined);
    return new Promise((resolve) => child.once('close', (status: number | null) => resolve({ status, stderr })));
  }

  it('that redacts gives the tool the rest', async () => {
    const file = join(gateway.tools, 'read-replaced');
    const input = `one ${TOKEN} two\n${LOOK_ALIKE}\n`;
    const done = await finish(gateway.spawnSsh(['carapace', 'tee-replacing', file]), { input });
    expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' });
    const expected = `one [redacted:github-token] two\n${LOOK_ALIKE}\n`;
    expect([readFileSync(file, 'utf8'), done.stdout.toString()]).toEqual([expected, expected]);
    expect(last('outcome')).toMatchObject({ redactions: { 'github-token': 1 } });
  });
});
