/** Puts text through a scanner in pieces, and a finder of its own to compare with: no scan for beginnings, no windows. */
import type { ContentRule } from '../../../src/policy/content/content-rule.ts';
import { scannerOf } from '../../../src/policy/content/content-rules.ts';
import { detectorsNamed } from '../../../src/policy/content/detectors.ts';
import type { Span } from '../../../src/policy/content/shape.ts';

export function rulesFor(names: readonly string[], action: 'redact' | 'end' = 'redact'): ContentRule[] {
  return names
    .flatMap((name) => detectorsNamed(name) ?? [])
    .map((finds): ContentRule => ({ name: finds.name, action, finds }));
}

export interface Scanned {
  readonly out: string;
  readonly met: readonly string[];
}

/** `pauses`: a pause after each piece. */
export function scan(rules: readonly ContentRule[], pieces: readonly string[], pauses = false): Scanned {
  const met: string[] = [];
  const scanner = scannerOf(rules)?.((rule) => met.push(rule.name));
  if (scanner === undefined) return { out: pieces.join(''), met };
  const out = pieces.map((piece) => scanner.push(piece) + (pauses ? scanner.pause() : '')).join('');
  return { out: out + scanner.end(), met };
}

/** What the rules find in a whole text: at each place, the first rule that finds something. */
export function redactWhole(rules: readonly ContentRule[], text: string, from = 0): Scanned {
  for (let at = from; at < text.length; at += 1) {
    const found = findAt(rules, text, at);
    if (found === null) continue;
    const { name, span } = found;
    const end = endOf(span, text);
    // What stood before a block tells nothing of what stands behind it.
    const rest = span.block === null ? redactWhole(rules, text, end) : redactWhole(rules, text.slice(end));
    return { out: `${text.slice(from, span.start)}[redacted:${name}]${rest.out}`, met: [name, ...rest.met] };
  }
  return { out: text.slice(from), met: [] };
}

function findAt(rules: readonly ContentRule[], text: string, at: number): { name: string; span: Span } | null {
  for (const { name, finds } of rules) {
    if (typeof finds === 'function') continue;
    for (const { start, read } of finds.candidates) {
      if ('pattern' in start) {
        const begins = new RegExp(start.pattern, 'y');
        begins.lastIndex = at;
        if (!begins.test(text)) continue;
      }
      const reading = read(text, at);
      if (reading.kind === 'match') return { name, span: reading.span };
      if (reading.kind === 'more' && reading.soFar !== null) return { name, span: reading.soFar };
    }
  }
  return null;
}

function endOf({ end, block }: Span, text: string): number {
  if (block === null) return end;
  const inside = text.slice(end, end + block.maxBytes);
  const match = block.end.exec(inside);
  return end + (match === null ? inside.length : match.index + match[0].length);
}

/** A text byte by byte. */
export function bytesOf(text: string): string[] {
  return Array.from({ length: text.length }, (_, at) => text.charAt(at));
}
