import { describe, expect, it } from 'vitest';
import { EXIT_STATUS } from '../../src/protocol/exit-status.ts';
import { formatRefusal, isRetriable } from '../../src/protocol/refusal.ts';
import type { Reason } from '../../src/model/reason.ts';

const REASONS = Object.keys(EXIT_STATUS) as Reason[];
const ID = '01M7Y5S99N8VCN7D2A64KH7595';

describe('a refusal on stderr', () => {
  it.each(REASONS)('for %s is one line with the reason and the id, and a hint', (reason) => {
    const text = formatRefusal({ tool: 'op', reason, message: 'so it is', request: ID });
    const verb = EXIT_STATUS[reason] === 126 || EXIT_STATUS[reason] === 127 ? 'denied' : 'error';
    const [line, hint, end] = text.split('\n');
    expect(line).toBe(`carapace: ${verb}: op: so it is (${reason}, request ${ID})`);
    expect(hint).toMatch(/^carapace: hint: \S.*[^.]$/);
    expect(hint).not.toContain('TOOL');
    expect(end).toBe('');
  });

  it("takes a tool's name as it is, whatever the client called it", () => {
    const text = formatRefusal({ tool: "$&$'\u001b[2J\n", reason: 'no-rule', message: 'x', request: ID });
    expect(text.split('\n')).toEqual([
      `carapace: denied: $&$'\\x1b[2J\\n: x (no-rule, request ${ID})`,
      "carapace: hint: `ssh carapace tools $&$'\\x1b[2J\\n` shows what is allowed",
      '',
    ]);
  });

  it('does not send a client that is in the wrong directory to the patterns, which are not at fault', () => {
    const text = formatRefusal({ tool: 'git', reason: 'cwd-refused', message: 'x', request: ID });
    expect(text).toContain('hint: the tool starts only in certain directories of the host');
  });

  it('says that trying again may help where the gateway was at fault, and not where the request was', () => {
    expect(REASONS.filter(isRetriable).toSorted()).toEqual(
      [
        'tool-unavailable',
        'secret-unavailable',
        'upstream-unavailable',
        'audit-unavailable',
        'rate-limited',
        'too-many',
        'draining',
      ].toSorted(),
    );
  });
});
