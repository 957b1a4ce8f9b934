/** The plainest matcher of globs there is, for tests to compare with: all places that can be reached, piece by piece. */
import type { Piece } from '../../src/policy/words.ts';

export function referenceMatches(pieces: readonly Piece[], text: string): boolean {
  const chars = Array.from(text);
  let places = new Set([0]);
  for (const piece of pieces) {
    const next = new Set<number>();
    for (const place of places) {
      if (piece.kind === 'any') for (let to = place; to <= chars.length; to += 1) next.add(to);
      else {
        const run = piece.kind === 'text' ? Array.from(piece.text) : [''];
        const fits = run.every((char, i) => {
          const found = chars[place + i];
          if (found === undefined) return false;
          if (piece.kind === 'text') return found === char;
          if (piece.kind === 'one') return true;
          const code = found.codePointAt(0) ?? 0;
          return piece.ranges.some(({ first, last }) => first <= code && code <= last) !== piece.negated;
        });
        if (fits) next.add(place + run.length);
      }
    }
    places = next;
  }
  return places.has(chars.length);
}
