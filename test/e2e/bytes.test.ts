/** Every byte of a request comes through, every status comes back, and what is no request gets 125 and a clear line. */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, finish, frame, type RunOptions, TestGateway } from '../helpers/gateway.ts';
import { replyEvents, streamOf } from '../helpers/reply-events.ts';
import { bytesOfUtf8, everyByte } from '../helpers/texts.ts';

const POLICY = `
version: 1
tools:
  arguments: {type: cli, binary: TOOLS/nul-arguments, argv_allow_patterns: ["*", "--text=* *"]}
  exit: {type: cli, binary: TOOLS/exit-with, argv_allow_patterns: ["*"]}
  die: {type: cli, binary: TOOLS/die-by-signal, argv_allow_patterns: ["*"]}
  streams: {type: cli, binary: TOOLS/two-streams, argv_allow_patterns: [""]}
  cat: {type: cli, binary: /bin/cat, argv_allow_patterns: [""], stdin: stream}
  missing: {type: cli, binary: /usr/bin/no-such-program, argv_allow_patterns: ["*"]}
`;

let gateway: TestGateway;
let master: ChildProcess;
beforeAll(async () => {
  gateway = await TestGateway.start({ policies: { test: POLICY } });
  master = await gateway.openMaster();
});
afterAll(async () => {
  master.kill();
  await gateway.stop();
});

function warm(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return finish(gateway.spawnSsh(['mux', ...args]), options);
}

function quotedForShell(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}

/** The three forms of a request, each with a tool's arguments. */
const FORMS: readonly (readonly [form: string, call: (argv: readonly string[]) => Promise<Finished>])[] = [
  ['as a frame on stdin', (argv) => warm([], { input: frame({ tool: 'arguments', argv }) })],
  ['as a frame in the command', (argv) => warm([frame({ tool: 'arguments', argv })])],
  ['as plain words', (argv) => warm([quotedForShell(['arguments', ...argv])])],
];

function argumentsIn(done: Finished): string[] {
  expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' });
  return done.stdout.toString('utf8').split('\0').slice(0, -1);
}

describe('arguments', () => {
  it('are tested with every byte that valid UTF-8 can hold', () => {
    const held = [...new Set(Buffer.from(everyByte()))].sort((a, b) => a - b);
    expect(held).toEqual(bytesOfUtf8());
  });

  describe.each(FORMS)('sent %s', (_form, call) => {
    it('keep every byte', async () => {
      const text = everyByte();
      const readable = Array.from(text)
        .filter((char) => char === '\t' || char === '\n' || !/\p{Cc}/u.test(char))
        .join('');
      const argv = [`--text=${text}`, readable, Array.from(readable).toReversed().join('')];
      expect(argumentsIn(await call(argv))).toEqual(argv);
    });

    it('keep empty ones and blanks, at every place', async () => {
      for (const argv of [[], [''], ['', ''], ['', 'a', '', ' ', '  b  ', ''], ['\n', '\t', '\n\n']]) {
        expect(argumentsIn(await call(argv))).toEqual(argv);
      }
    });

    it('keep what shells, JSON and ssh would take for more than text', async () => {
      const argv = [
        '$(id)',
        '`id`',
        '$HOME',
        '*',
        '~',
        '{a,b}',
        ';',
        '|',
        '&&',
        '>x',
        '#',
        '!!',
        '\\',
        '\\\\',
        '"',
        "'",
      ];
      argv.push('"a"', '\\u0041', '%s%n', '{"v":1}', '5:abcde,', 'a=b', '%00', '&amp;', '~.', 'NUL', '\u007f'.slice(1));
      expect(argumentsIn(await call(argv))).toEqual(argv);
    });

    it('keep their number and order, a thousand of them', async () => {
      const argv = Array.from({ length: 1000 }, (_, i) => (i % 7 === 0 ? '' : `${i}`));
      expect(argumentsIn(await call(argv))).toEqual(argv);
    });
  });

  it('of 100 kB pass in a frame on stdin, several at once', async () => {
    const argv = ['a', 'é', '€', '𝄞'].map((char) => char.repeat(100_000 / Buffer.byteLength(char)));
    expect(argumentsIn(await FORMS[0]![1](argv))).toEqual(argv);
  });

  it('pass up to 131,071 bytes each, and one byte more is too large', async () => {
    const longest = 'x'.repeat(131_071);
    expect(argumentsIn(await FORMS[0]![1](['a', longest]))).toEqual(['a', longest]);
    const done = await FORMS[0]![1](['a', `${longest}x`]);
    expect(done).toMatchObject({ status: 125, stdout: Buffer.alloc(0) });
    expect(done.stderr).toMatch(
      /^carapace: error: request: argument 2 is longer than 131071 bytes \(too-large, request/,
    );
  });

  it('pass in a command up to 32,000 bytes, and more is too large', async () => {
    const empty = frame({ tool: 'arguments', argv: [''] }).length + 3;
    const argument = 'x'.repeat(32_000 - empty);
    expect(frame({ tool: 'arguments', argv: [argument] })).toHaveLength(32_000);
    expect(argumentsIn(await FORMS[1]![1]([argument]))).toEqual([argument]);
    for (const call of [FORMS[1]![1], FORMS[2]![1]]) {
      const done = await call(['x'.repeat(32_001)]);
      expect(done).toMatchObject({ status: 125, stdout: Buffer.alloc(0) });
      expect(done.stderr).toMatch(/command is longer than 32000 bytes; send the frame on stdin \(too-large, request /);
    }
  });

  it('of nearly a megabyte together pass in a frame on stdin', async () => {
    const argv = Array.from({ length: 1000 }, () => 'x'.repeat(1000));
    expect(argumentsIn(await FORMS[0]![1](argv))).toEqual(argv);
  });

  it('pass up to 16,384 of them, and one more is too many', async () => {
    const most = Array.from({ length: 16_384 }, (_, i) => `${i % 10}`);
    expect(argumentsIn(await FORMS[0]![1](most))).toEqual(most);
    const done = await FORMS[0]![1]([...most, 'x']);
    expect(done).toMatchObject({ status: 125, stdout: Buffer.alloc(0) });
    expect(done.stderr).toMatch(/^carapace: error: request: more than 16384 arguments \(too-large, request /);
  });

  it('with control characters outside an option’s value are refused by name', async () => {
    const done = await warm([frame({ tool: 'arguments', argv: ['a\u001b[31mb'] })]);
    expect(done.status).toBe(126);
    expect(done.stderr).toContain(
      "carapace: denied: arguments: argument 'a\\x1b[31mb' holds a control character (char",
    );
  });
});

describe('statuses', () => {
  it('from 0 to 255 are the tool’s own, and 255 is explained', async () => {
    for (let from = 0; from < 256; from += 8) {
      const codes = Array.from({ length: 8 }, (_, i) => from + i);
      const all = await Promise.all(codes.map((code) => warm(['exit', String(code)])));
      expect(all.map(({ status }) => status)).toEqual(codes);
      for (const [index, { stdout, stderr }] of all.entries()) {
        expect(stdout).toHaveLength(0);
        if (codes[index] === 255)
          expect(stderr).toMatch(/^carapace: note: status 255 is the tool's own \(request \S+\)\n$/);
        else expect(stderr).toBe('');
      }
    }
  });

  // The rest of them do not end a process that does nothing about them.
  const NOT_DEADLY = new Set(['SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGWINCH']);
  const deadly = Object.entries(constants.signals).filter(([name]) => !NOT_DEADLY.has(name));

  it('are 128 and its number for a death by each signal', async () => {
    for (const [name, number] of deadly) {
      const done = await warm(['die', String(number)]);
      expect({ name, status: done.status, stderr: done.stderr }).toEqual({ name, status: 128 + number, stderr: '' });
    }
  });

  it('tell a missing program, an unknown tool and a denial apart', async () => {
    expect(await warm(['missing'])).toMatchObject({ status: 69 });
    expect(await warm(['no-such-tool'])).toMatchObject({ status: 127 });
    expect(await warm(['cat', 'x'])).toMatchObject({ status: 126 });
  });
});

describe('a request that is none', () => {
  const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const text = (json: string): string => `${Buffer.byteLength(json)}:${json},`;
  const withField = (key: string, value: unknown): string => frame({ tool: 'arguments', argv: ['x'], [key]: value });
  const meta = (words: number): object => Object.fromEntries(Array.from({ length: words }, (_, i) => [`m${i}`, 'x']));

  const MALFORMED: readonly (readonly [what: string, frame: string | Buffer, message: RegExp])[] = [
    ['no tool', frame({ argv: [] }), /'tool' must be a string/],
    ['a tool that is a number', frame({ tool: 5, argv: [] }), /'tool' must be a string/],
    ['a tool that is null', frame({ tool: null, argv: [] }), /'tool' must be a string/],
    ['no argv', frame({ tool: 'arguments' }), /'argv' must be a list of strings/],
    ['an argv that is text', frame({ tool: 'arguments', argv: 'x' }), /'argv' must be a list of strings/],
    ['an argv that is an object', frame({ tool: 'arguments', argv: { 0: 'x' } }), /'argv' must be a list of strings/],
    ['an argument that is a number', frame({ tool: 'arguments', argv: ['x', 1] }), /'argv\[1\]' must be a string/],
    ['an argument that is null', frame({ tool: 'arguments', argv: [null] }), /'argv\[0\]' must be a string/],
    ['an argument with NUL', frame({ tool: 'arguments', argv: ['a\0b'] }), /argument 1 holds NUL/],
    ['an argument with a lone surrogate', text('{"tool":"arguments","argv":["\\ud800"]}'), /lone surrogate/],
    ['a cwd that is a number', withField('cwd', 1), /'cwd' must be a string/],
    ['a cwd with NUL', withField('cwd', '/a\0b'), /'cwd' holds NUL/],
    ['an env that is a list', withField('env', ['A=b']), /'env' must be an object/],
    ['a variable that is a number', withField('env', { LANG: 1 }), /'env\.LANG' must be a string/],
    ['a variable with NUL', withField('env', { LANG: 'C\0' }), /'env' holds NUL/],
    ['a reply of another form', withField('reply', 'json'), /'reply' must be 'raw' or 'frames'/],
    ['a reply that is null', withField('reply', null), /'reply' must be 'raw' or 'frames'/],
    ['a meta that is text', withField('meta', 'run'), /'meta' must be an object/],
    ['a meta word that is a number', withField('meta', { run: 42 }), /'meta\.run' must be a string/],
    ['too many meta words', withField('meta', meta(17)), /'meta' has more than 16 words/],
    ['a meta word that is too long', withField('meta', { run: 'x'.repeat(129) }), /longer than 128 characters/],
    ['an unknown key', withField('stdin', 'x'), /unknown key 'stdin'/],
    ['an unknown key that could move a cursor', withField('\u001b[2J', 1), /unknown key '\\x1b\[2J'/],
    ['a key of the prototype', text('{"tool":"arguments","argv":[],"__proto__":{}}'), /unknown key '__proto__'/],
    ['a list', text('["arguments"]'), /request must be an object/],
    ['null', text('null'), /request must be an object/],
    ['a duplicate key', text('{"tool":"arguments","tool":"cat","argv":[]}'), /duplicate key "tool"/],
    ['a duplicate key under an escape', text('{"tool":"a","t\\u006fol":"cat","argv":[]}'), /duplicate key "tool"/],
    ['a duplicate variable', text('{"tool":"a","argv":[],"env":{"A":"1","A":"2"}}'), /duplicate key "A"/],
    ['nesting beyond the bound', text(`{"tool":"a","argv":${deep(40)}}`), /nested deeper than 32/],
    ['nesting by the thousand', text(deep(500_000)), /nested deeper than 32/],
    ['no JSON', text('{tool:cat}'), /not strict JSON: expected a key/],
    ['a comment', text('{"tool":"cat",/**/"argv":[]}'), /not strict JSON/],
    ['a comma too many', text('{"tool":"cat","argv":[],}'), /not strict JSON/],
    ['text after the JSON', text('{"tool":"cat","argv":[]} {}'), /text after the value/],
    ['a control character in a string', text('{"tool":"cat\n","argv":[]}'), /control character in a string/],
    ['an empty frame', '0:,', /not strict JSON/],
    ['bytes that are no UTF-8', Buffer.from('7:{"\xff":1},', 'latin1'), /not valid UTF-8/],
    ['a length with a leading zero', '02:{},', /expected a frame: its length in decimal digits and a colon/],
    ['a length that is too short', '1:{},', /expected ',' after/],
  ];

  const FRAME_PROBLEMS: readonly (readonly [what: string, frame: string | Buffer, reason: string])[] = [
    ['a length beyond 1 MiB', '1048577:{"tool"', 'too-large'],
    ['a length without end', '9'.repeat(100), 'too-large'],
    ['another version', frame({ v: 2, tool: 'arguments', argv: ['x'], anything: 1 }), 'unsupported-version'],
    ['a version that is text', frame({ v: '1', tool: 'arguments', argv: ['x'] }), 'unsupported-version'],
    ['a version that is null', frame({ v: null, tool: 'arguments', argv: ['x'] }), 'unsupported-version'],
  ];

  function expectRefused(done: Finished, reason: string, message: RegExp): void {
    expect(done).toMatchObject({ status: 125, stdout: Buffer.alloc(0) });
    const [line = '', hint = '', ...rest] = done.stderr.split('\n');
    expect(line).toMatch(new RegExp(`^carapace: error: request: .+ \\(${reason}, request [0-9A-Z]{26}\\)$`));
    expect(line).toMatch(message);
    expect(hint).toMatch(/^carapace: hint: ./);
    expect(rest).toEqual(['']);
  }

  it.each(MALFORMED)('gets 125 and a clear line: %s', async (_what, bytes, message) => {
    expectRefused(await warm([], { input: bytes }), 'malformed', message);
    if (typeof bytes === 'string' && bytes.length < 32_000) {
      expectRefused(await warm([bytes]), 'malformed', bytes.startsWith('1:') ? /bytes after|expected/ : message);
    }
  });

  it.each(FRAME_PROBLEMS)('gets 125 and its reason: %s', async (_what, bytes, reason) => {
    expectRefused(await warm([], { input: bytes }), reason, /./);
    expectRefused(await warm([bytes.toString()]), reason, /./);
  });

  it('says that a newer version needs an upgrade', async () => {
    expect((await warm([frame({ v: 2, tool: 'x' })])).stderr).toContain('upgrade the gateway');
  });

  it('gets 125 where stdin begins as no frame does', async () => {
    for (const input of ['GET / HTTP/1.1\r\n\r\n', '{"tool":"cat","argv":[]}', ' 2:{},', '-1:{},', ':', '\0']) {
      expectRefused(await warm([], { input }), 'malformed', /expected a frame/);
    }
  });

  it('gets 125 where stdin ends within the frame, wherever that is', async () => {
    const whole = frame({ tool: 'arguments', argv: ['x'] });
    for (const length of [1, 2, 3, 10, whole.length - 2, whole.length - 1]) {
      const done = await warm([], { input: whole.slice(0, length) });
      expectRefused(done, 'malformed', /stdin ended within the frame/);
    }
  });

  it('gets 125 where a command holds less or more than its frame', async () => {
    const whole = frame({ tool: 'arguments', argv: ['x'] });
    expectRefused(await warm([whole.slice(0, -1)]), 'malformed', /longer than the command/);
    expectRefused(await warm(['4']), 'malformed', /longer than the command/);
    expectRefused(await warm([`${whole} `]), 'malformed', /bytes after the frame/);
    expectRefused(await warm([`${whole}${whole}`]), 'malformed', /bytes after the frame/);
  });

  it('gets help and 125 where stdin ends before its first byte', async () => {
    const done = await warm([]);
    expect(done.status).toBe(125);
    expect(done.stdout.toString()).toContain('ssh carapace tools');
  });

  it('gets 125 where the frame is not complete after 10 seconds, and the time of its bytes does not add to that', async () => {
    const child = gateway.spawnSsh(['mux']);
    const whole = frame({ tool: 'arguments', argv: ['x'.repeat(100)] });
    let sent = 0;
    const timer = setInterval(() => child.stdin?.write(whole.slice(sent, (sent += 1))), 250);
    const output: Buffer[] = [];
    child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
    const started = performance.now();
    const status = await new Promise((resolve) => child.once('close', resolve));
    clearInterval(timer);
    const ms = performance.now() - started;
    expect(status).toBe(125);
    expect(Buffer.concat(output).toString()).toMatch(/frame is not complete after 10 s \(frame-timeout, request /);
    expect(ms).toBeGreaterThan(9_500);
    expect(ms).toBeLessThan(13_000);
  });

  const UNQUOTED = [';', '|', '&', '<', '>', '(', ')', '$', '`', '\n'];
  it.each(UNQUOTED)('gets 125 where plain words hold %j outside quotes', async (char) => {
    for (const command of [`arguments a${char}b`, `arguments a ${char} b`, `arguments ${char}`]) {
      const done = await warm([command]);
      expectRefused(
        done,
        'malformed',
        char === '\n' ? /a newline outside quotes/ : /outside quotes; no shell runs here/,
      );
    }
  });

  it('gets 125 where plain words are not whole, or would expand', async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      [`arguments 'a`, /a single quote is not closed/],
      [`arguments "a`, /a double quote is not closed/],
      [`arguments a\\`, /a backslash has nothing to escape/],
      [`arguments a\\\nb`, /a backslash has nothing to escape/],
      [`arguments "$HOME"`, /'\$' is not expanded here; use single quotes/],
      ['arguments "`id`"', /'`' is not expanded here; use single quotes/],
      [`arguments #a`, /'#' outside quotes/],
      [`   `, /command is empty/],
      [`arguments \u0000`.slice(0, -1) + `'`, /a single quote is not closed/],
    ];
    for (const [command, message] of cases) expectRefused(await warm([command]), 'malformed', message);
  });

  it('is none of these: quotes, backslashes and patterns in plain words', async () => {
    const done = await warm([`arguments a"b c"'d e'\\ f "\\"\\$\\\\\\x" a#b * ? [a] ~ a=b {a,b} ! ''`]);
    const argv = ['ab cd e f', '"$\\\\x', 'a#b', '*', '?', '[a]', '~', 'a=b', '{a,b}', '!', ''];
    expect(argumentsIn(done)).toEqual(argv);
  });
});

describe('a reply in frames', () => {
  it('has started, both streams in base64, and exit', async () => {
    const done = await warm([frame({ tool: 'streams', argv: [], reply: 'frames' })]);
    const events = replyEvents(done.stdout);
    expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 3, stderr: '' });
    expect(events[0]).toEqual({ event: 'started', id: expect.stringMatching(/^[0-9A-Z]{26}$/) });
    expect(streamOf(events, 'stdout')).toEqual(Buffer.from('out\xff\xfe\n', 'latin1'));
    expect(streamOf(events, 'stderr').toString()).toBe('err\n');
    expect(events.at(-1)).toMatchObject({
      event: 'exit',
      id: events[0]?.['id'],
      code: 3,
      durationMs: expect.any(Number),
      bytes: { stdin: 0, stdout: 6, stderr: 4 },
    });
    expect(events.at(-1)).not.toHaveProperty('signal');
  });

  it('carries a megabyte of any bytes, stdin included', async () => {
    const input = Buffer.alloc(1_000_003, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
    const request = frame({ tool: 'cat', argv: [], reply: 'frames' });
    for (const done of [
      await warm([request], { input }),
      await warm([], { input: Buffer.concat([Buffer.from(request), input]) }),
    ]) {
      const events = replyEvents(done.stdout);
      expect(streamOf(events, 'stdout').equals(input)).toBe(true);
      expect(events.at(-1)).toMatchObject({
        event: 'exit',
        code: 0,
        bytes: { stdin: input.length, stdout: input.length },
      });
    }
  });

  it('names the signal that a tool died of', async () => {
    const events = replyEvents((await warm([frame({ tool: 'die', argv: ['KILL'], reply: 'frames' })])).stdout);
    expect(events.at(-1)).toMatchObject({ event: 'exit', code: 137, signal: 'SIGKILL' });
  });

  it('is one error with its code where the request did not run', async () => {
    const cases: readonly (readonly [request: object, status: number, code: string, retriable: boolean])[] = [
      [{ tool: 'cat', argv: ['x'] }, 126, 'no-rule', false],
      [{ tool: 'no-such-tool', argv: [] }, 127, 'no-such-tool', false],
      [{ tool: 'missing', argv: [] }, 69, 'tool-unavailable', true],
    ];
    for (const [request, status, code, retriable] of cases) {
      const done = await warm([frame({ ...request, reply: 'frames' })]);
      expect({ status: done.status, stderr: done.stderr }).toEqual({ status, stderr: '' });
      const error = replyEvents(done.stdout).at(-1);
      expect(error).toMatchObject({ event: 'error', code, status, retriable, message: expect.any(String) });
    }
  });

  it('answers the built-in words too', async () => {
    const events = replyEvents((await warm([frame({ tool: 'ping', argv: [], reply: 'frames' })])).stdout);
    expect(streamOf(events, 'stdout').toString()).toBe('pong\n');
    expect(events.at(-1)).toMatchObject({ event: 'exit', code: 0 });
  });
});
