import { describe, expect, it } from 'vitest';
import type { ContentRule } from '../../../src/policy/content/content-rule.ts';
import { scannerOf } from '../../../src/policy/content/content-rules.ts';
import { DETECTORS } from '../../../src/policy/content/detectors.ts';
import { sampleOf } from './samples.ts';
import { bytesOf, rulesFor, scan } from './scanning.ts';

const all = rulesFor(DETECTORS.map(({ name }) => name));
const token = sampleOf('github-token');
const key = sampleOf('private-key');

function open(rules: readonly ContentRule[]): NonNullable<ReturnType<NonNullable<ReturnType<typeof scannerOf>>>> {
  const scanner = scannerOf(rules)?.(() => {});
  if (scanner === undefined) throw new Error('no rules');
  return scanner;
}

describe('what passes at once', () => {
  it.each(['plain text', 'a line\n', 'drwxr-xr-x 2 root root', '{"a": [1, 20, 300]}\n', '...', '€ '])(
    'passes what can begin nothing: %j',
    (text) => {
      const scanner = open(all);
      expect(scanner.push(Buffer.from(text).toString('latin1'))).toBe(Buffer.from(text).toString('latin1'));
      expect(scanner.holds()).toBe(false);
    },
  );

  it('passes what stands before a beginning', () => {
    const scanner = open(all);
    expect(scanner.push('token: ghp')).toBe('token: ');
    expect(scanner.holds()).toBe(true);
  });

  it('passes a beginning of which nothing came, with what follows', () => {
    const scanner = open(all);
    expect(scanner.push('ghp')).toBe('');
    expect(scanner.push('ost ')).toBe('ghpost ');
  });
});

describe('in a pause', () => {
  it('passes a beginning that tells nothing', () => {
    const scanner = open(all);
    expect(scanner.push('ghp') + scanner.pause()).toBe('ghp');
    expect(scanner.holds()).toBe(false);
  });

  it('holds a beginning that tells, until it is decided', () => {
    const scanner = open(all);
    expect(scanner.push('x ghp_') + scanner.pause() + scanner.pause()).toBe('x ');
    expect(scanner.push('is none')).toBe('ghp_is none');
  });

  it.each(['-----BEGIN ', 'AKIA', 'xoxb-', 'sk-ant-', 'github_pat_', 'postgres://', 'eyJ'])('holds %s', (text) => {
    const scanner = open(all);
    expect(scanner.push(text) + scanner.pause()).toBe('');
  });

  it('takes what may be complete for complete, and what follows it for its rest', () => {
    const scanner = open(rulesFor(['vault-token']));
    const long = sampleOf('vault-token');
    expect(scanner.push(long.slice(0, 60)) + scanner.pause()).toBe('[redacted:vault-token]');
    expect(scanner.push(long.slice(60)) + scanner.pause()).toBe('');
    expect(scanner.push(' ok')).toBe(' ok');
  });

  it('remembers what passed, so that a match that is completed later is one', () => {
    const { out, met } = scan(rulesFor(['card-number']), ['4111 1111 ', '1111', ' 1111', ' ok'], true);
    expect(met).toEqual(['card-number']);
    expect(out).toBe('4111 1111 1111[redacted:card-number] ok');
  });

  it('holds what tells inside of what does not', () => {
    const scanner = open(all);
    expect(scanner.push('Mghp') + scanner.pause()).toBe('Mghp');
    expect(scanner.push('_abc') + scanner.pause()).toBe('');
    expect(scanner.push(' ')).toBe('_abc ');
  });
});

describe('a private key', () => {
  it('is dropped up to 64 KiB where its end never comes, whatever the chunks are', () => {
    const header = key.slice(0, key.indexOf('\n'));
    const body = 'x'.repeat(70_000);
    const rest = 'x'.repeat(70_000 - 65_536);
    for (const size of [1000, 4096, 65_536, 100_000]) {
      const text = header + body;
      const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
        text.slice(at * size, at * size + size),
      );
      expect(scan(rulesFor(['private-key']), chunks).out).toBe(`[redacted:private-key]${rest}`);
    }
  });

  it('is dropped while it comes, not held', () => {
    const scanner = open(rulesFor(['private-key']));
    expect(scanner.push(`a ${key.slice(0, 60)}`)).toBe('a [redacted:private-key]');
    expect(scanner.holds()).toBe(false);
    expect(scanner.push(`${key.slice(60)} b`)).toBe(' b');
  });

  it('is found once each where several stand behind one another', () => {
    const { out, met } = scan(rulesFor(['private-key']), [`${key}\n${key}${key}\n`]);
    expect(out).toBe('[redacted:private-key]\n[redacted:private-key][redacted:private-key]\n');
    expect(met).toHaveLength(3);
  });
});

it('lets nothing pass any more once a rule that ends was met', () => {
  const met: string[] = [];
  const scanner = scannerOf(rulesFor(['github-token'], 'end'))?.((rule) => met.push(rule.name));
  expect(scanner?.push(`a ${token} b`)).toBe('a ');
  expect([scanner?.push('c'), scanner?.push(token), scanner?.pause(), scanner?.end()]).toEqual(['', '', '', '']);
  expect(scanner?.holds()).toBe(false);
  expect(met).toEqual(['github-token']);
});

it('counts the rule that ends where another finds something in the same place', () => {
  const rules = [...rulesFor(['jwt']), ...rulesFor(['jwt'], 'end')];
  expect(scan(rules, [`${sampleOf('jwt')} `])).toEqual({ out: '', met: ['jwt'] });
});

/** How often rules read something in a text, and how much they had to read at most each time. */
function countReads(text: string): number {
  let reads = 0;
  const counting = all.map(({ name, action, finds }): ContentRule => {
    if (typeof finds === 'function') throw new Error('detectors only');
    const candidates = finds.candidates.map(({ start, read }) => ({
      start,
      read: (whole: string, at: number) => {
        reads += 1;
        return read(whole, at);
      },
    }));
    return { name, action, finds: { ...finds, candidates } };
  });
  const scanner = open(counting);
  for (let at = 0; at < text.length; at += 65_536) scanner.push(text.slice(at, at + 65_536));
  scanner.end();
  return reads;
}

const UNITS = [
  'a',
  '4',
  '-----BEGIN ',
  '4111 1111 ',
  '4111-',
  '-----BEGIN PRIVATE KEY',
  'eyJ',
  'eyJ ',
  'glpat-',
  ' xoxb-',
  ' sk-ant-',
  'ghp_',
  'postgres://',
  ' postgres://a:',
  'M',
  '12345678:AA',
  '"private_key"',
  'AKIA',
];

it.each(UNITS.flatMap((unit, index) => (index < 3 ? [{ unit, bytes: 10_000_000 }] : [{ unit, bytes: 1_000_000 }])))(
  '$bytes bytes of $unit are read in work that grows with their length',
  ({ unit, bytes }) => {
    const text = unit.repeat(Math.ceil(bytes / unit.length));
    const whole = countReads(text);
    // A place where something may begin is read by the few detectors of its first byte, of which each reads at most what
    // its shape is long; and once more for each chunk that ends in it.
    expect(whole).toBeLessThanOrEqual(bytes * 2);
    expect(whole).toBeLessThanOrEqual(countReads(text.slice(0, text.length / 2)) * 2 + 1000);
  },
);

it('finds what stands in colour, or in an escaped text', () => {
  const id = sampleOf('aws-access-key');
  for (const before of ['\u001b[01;31m', '\u001b[m', String.raw`\n`, String.raw`"\t`]) {
    const colored = `x${before}${id}\u001b[0m`;
    expect(scan(rulesFor(['aws-access-key']), bytesOf(colored)).out).toBe(
      colored.replace(id, '[redacted:aws-access-key]'),
    );
  }
});
