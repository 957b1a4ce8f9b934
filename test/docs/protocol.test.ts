import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BUILT_IN_WORDS } from '../../src/model/request.ts';
import { EXIT_STATUS } from '../../src/protocol/exit-status.ts';
import { createFrameReader, MAX_FRAME_BYTES } from '../../src/protocol/netstring.ts';
import { MAX_ARGUMENT_BYTES, parseRequest } from '../../src/protocol/request-frame.ts';
import { formatRefusal } from '../../src/protocol/refusal.ts';

const PAGE = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const SOURCES = new URL('../../src/', import.meta.url);

function section(title: string): string {
  const [, text = ''] = PAGE.split(new RegExp(`^#+ ${title}$`, 'm'));
  return text.split(/^##/m)[0] ?? '';
}

/** The table's rows as cells; a bar within code is written as `\|`. */
function rowsOf(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|') && !/^\|[-|]+$/.test(line));
  return lines.map((line) =>
    line
      .replaceAll('\\|', '/')
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([a-z-]+)`/g)].map((match) => match[1] ?? '');
}

/** All frames of a text, whose every byte must belong to one. */
function framesOf(text: string): Record<string, unknown>[] {
  const frames: Record<string, unknown>[] = [];
  let rest = Buffer.from(text.replaceAll('\n', ''));
  while (rest.length > 0) {
    const progress = createFrameReader().push(rest);
    if (progress.state !== 'done') throw new Error(`no frame: ${rest.toString()}`);
    frames.push(JSON.parse(progress.payload.toString()) as Record<string, unknown>);
    rest = Buffer.from(progress.rest);
  }
  return frames;
}

/** Where a number of the page comes from: a constant's text in its file. */
function constant(file: string, name: string): string {
  const text = readFileSync(new URL(file, SOURCES), 'utf8');
  return new RegExp(`const ${name} = ([^;]+);`).exec(text)?.[1] ?? '';
}

describe('docs/protocol.md', () => {
  it('has the table of exit statuses and reasons as the gateway has it', () => {
    const rows = rowsOf(section('Exit statuses and reasons'));
    const documented = rows.flatMap(([status = '', , reasons = '']) =>
      codesIn(reasons).map((reason) => [reason, Number(status)]),
    );
    expect(Object.fromEntries(documented)).toEqual(EXIT_STATUS);
    expect(documented.length).toBe(Object.keys(EXIT_STATUS).length);
  });

  it('has the built-in words, all of them', () => {
    const words = rowsOf(section('Built-in words')).flatMap(([word = '']) => /^`(\w+)/.exec(word)?.[1] ?? []);
    expect(words.toSorted()).toEqual([...BUILT_IN_WORDS].toSorted());
  });

  it('has every key of a request and the limits that are checked', () => {
    const request = section('A request');
    const keys = rowsOf(request).flatMap(([key = '']) => codesIn(key));
    expect(keys.toSorted()).toEqual(['argv', 'cwd', 'env', 'meta', 'reply', 'tool', 'v']);
    expect(request).toContain(`at most\n${MAX_FRAME_BYTES.toLocaleString('en')}`);
    expect(request).toContain(`at most ${MAX_ARGUMENT_BYTES.toLocaleString('en')} bytes`);
    expect(constant('protocol/request-frame.ts', 'MAX_ARGUMENTS')).toBe('16_384');
    expect(constant('protocol/request-frame.ts', 'MAX_META_WORDS')).toBe('16');
    expect(constant('protocol/request-frame.ts', 'MAX_META_CHARS')).toBe('128');
    expect(constant('protocol/strict-json.ts', 'MAX_DEPTH')).toBe('32');
    expect(constant('doors/read-request.ts', 'FRAME_TIME_LIMIT_MS')).toBe('10_000');
    expect(constant('doors/frame-budget.ts', 'CLIENT_FRAME_BYTES')).toBe('4 * 1024 * 1024');
    expect(constant('doors/ssh/session.ts', 'MAX_COMMAND_BYTES')).toBe('32_000');
    expect(constant('doors/ssh/channel-table.ts', 'MAX_SESSIONS')).toBe('64');
  });

  it('names the algorithms that are offered', () => {
    const login = section('Login');
    for (const name of ['KEX', 'CIPHERS', 'MACS']) {
      const offered = [...constant('doors/ssh/transport.ts', name).matchAll(/'([^']+)'/g)].map(
        (match) => match[1] ?? '',
      );
      expect(offered.length).toBeGreaterThan(0);
      for (const algorithm of offered) expect(login).toContain(`\`${algorithm}\``);
    }
  });

  it('shows requests that are frames, and replies that are', () => {
    const [example = ''] = /^\d+:\{.*\},$/m.exec(section('A request')) ?? [];
    const [frame] = framesOf(example);
    expect(parseRequest(Buffer.from(JSON.stringify(frame)))).toMatchObject({ ok: true, request: { tool: 'date' } });

    const [, json = '', sent = ''] = /^(\{.*\}) +sent as +(\d+:.*,)hello /m.exec(PAGE) ?? [];
    expect(framesOf(sent)).toEqual([JSON.parse(json)]);

    const [, reply = ''] = /^```\n(\d+:\{"event"[^`]*)```$/m.exec(PAGE) ?? [];
    expect(framesOf(reply).map((event) => event['event'])).toEqual(['started', 'stdout', 'exit', 'error']);
  });

  it('shows a refusal as a client reads it', () => {
    const refusal = { tool: 'date', reason: 'option-refused', message: 'option -r is not allowed' } as const;
    expect(PAGE).toContain(formatRefusal({ ...refusal, request: '01M7Y5S99N8VCN7D2A64KH7595' }));
  });
});
