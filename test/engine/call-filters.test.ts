import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { type CallFilters, openCallFilters } from '../../src/engine/call-filters.ts';
import type { Permit } from '../../src/model/permit.ts';
import { Secret } from '../../src/model/secret.ts';
import type { ContentRule } from '../../src/policy/content/content-rule.ts';
import { scannerOf } from '../../src/policy/content/content-rules.ts';
import { compileLinePattern } from '../../src/policy/content/line-pattern.ts';
import type { OpenFilter } from '../../src/engine/stream-filter.ts';
import { filterStream } from '../../src/engine/stream-filter.ts';
import { permitFor } from './runner-fixtures.ts';

const SECRET = 'ticket-123456';
const REDACTIONS = [{ name: 'token', value: new Secret(SECRET) }];

/** A rule that finds tickets of one number. */
function rule(name: string, action: ContentRule['action'], number = '[0-9]{6}'): ContentRule {
  const compiled = compileLinePattern(`ticket-${number}`);
  if (!compiled.ok) throw new Error(compiled.message);
  return { name, action, finds: compiled.find };
}

function filtersOf(output: ContentRule[], input: ContentRule[], overrides: Partial<Permit> = {}): CallFilters {
  const content = { output: scannerOf(output), input: scannerOf(input) };
  return openCallFilters({ ...permitFor('/bin/true', []), content, ...overrides }, REDACTIONS);
}

/** What comes out of a direction. */
async function pass(open: OpenFilter | undefined, text: string): Promise<string> {
  if (open === undefined) return text;
  const stream = filterStream(open);
  stream.end(Buffer.from(text));
  return (await buffer(stream)).toString();
}

describe('the filters of a call', () => {
  it('are none where nothing has to be looked at', () => {
    const permit = permitFor('/bin/true', []);
    const { filters, counts } = openCallFilters(permit, []);
    expect(filters).toEqual({});
    expect(counts()).toEqual({});
  });

  it('take out of both outputs what was injected, before the rules see it, and nothing of stdin', async () => {
    const { filters: each, counts } = filtersOf([rule('ticket', 'end')], []);
    expect(await pass(each.stdout, SECRET)).toBe('[redacted:token]');
    expect(await pass(each.stderr, SECRET)).toBe('[redacted:token]');
    expect(each.stdin).toBeUndefined();
    expect(counts()).toEqual({ token: 2 });
  });

  it('look through each direction for its own rules, and count for all together', async () => {
    const rules = [rule('out', 'redact', '1{6}'), rule('both', 'redact', '3{6}')];
    const { filters: each, counts } = filtersOf(rules, [rule('in', 'redact', '2{6}'), rule('both', 'redact', '3{6}')]);
    const text = 'ticket-111111 ticket-222222 ticket-333333';
    expect(await pass(each.stdout, text)).toBe('[redacted:out] ticket-222222 [redacted:both]');
    expect(await pass(each.stderr, text)).toBe('[redacted:out] ticket-222222 [redacted:both]');
    expect(await pass(each.stdin, text)).toBe('ticket-111111 [redacted:in] [redacted:both]');
    expect(counts()).toEqual({ out: 2, in: 1, both: 3 });
  });

  it.each(['stdin', 'stdout', 'stderr'] as const)('tell of what ends the call on %s', async (direction) => {
    const { filters: each } = filtersOf([rule('out', 'end', '1{6}')], [rule('in', 'end', '2{6}')]);
    const text = 'ticket-111111 ticket-222222';
    const passed = direction === 'stdin' ? 'ticket-111111 ' : '';
    expect(await pass(each[direction], text)).toBe(passed);
    expect(await each.refused).toBe(direction === 'stdin' ? 'in' : 'out');
  });

  it('cannot be had for a value that is too large to be looked for', () => {
    const permit = permitFor('/bin/true', []);
    const large = [{ name: 'token', value: new Secret('x'.repeat(65_537)) }];
    expect(() => openCallFilters(permit, large)).toThrow('token: is 65537 bytes long');
  });
});
