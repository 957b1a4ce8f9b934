import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DETECTORS } from '../../src/policy/content/detectors.ts';

const PAGE = readFileSync(new URL('../../docs/detectors.md', import.meta.url), 'utf8');
const [others = '', providers = ''] = PAGE.split('### `provider-tokens`');

function rowOf({ name, what, checksum, source }: (typeof DETECTORS)[number]): string {
  return `| \`${name}\` | ${what} | ${checksum} | ${source} |`;
}

describe('docs/detectors.md', () => {
  it.each(DETECTORS)('says of $name what the code says of it, in its table', (detector) => {
    expect(detector.provider ? providers : others).toContain(rowOf(detector));
  });

  it('names no detector that is not there', () => {
    expect(PAGE.match(/^\| `/gm)).toHaveLength(DETECTORS.length);
  });
});
