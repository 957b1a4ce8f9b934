import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { goodPolicy } from './policy-of.ts';

const folder = new URL('../../policies/', import.meta.url);

describe('the sample policies', () => {
  it.each(readdirSync(folder).filter((name) => name.endsWith('.yaml')))(
    '%s loads without a warning and passes its tests',
    (name) => {
      const text = readFileSync(new URL(name, folder), 'utf8');
      expect(goodPolicy(text).warnings).toEqual([]);
      expect(text).toContain('$schema=./policy.schema.json');
    },
  );
});
