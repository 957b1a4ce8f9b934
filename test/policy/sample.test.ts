import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { attackTool } from '../../src/policy/attack-policy.ts';
import { cliTools } from '../../src/policy/policy.ts';
import { lintReach } from '../../src/policy/lint.ts';
import { argvOf, casesOf } from '../profiles/profile-cases.ts';
import { goodPolicy } from './policy-of.ts';

const folder = new URL('../../policies/', import.meta.url);
const samples = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

function textOf(name: string): string {
  return readFileSync(new URL(name, folder), 'utf8');
}

describe('the sample policies', () => {
  it.each(samples)('%s loads without a warning and passes its tests', (name) => {
    expect(goodPolicy(textOf(name)).warnings).toEqual([]);
    expect(lintReach(goodPolicy(textOf(name)))).toEqual([]);
    expect(textOf(name)).toContain('$schema=./policy.schema.json');
  });

  it.each(samples.filter((name) => name !== 'example.yaml'))(
    '%s lets nothing through that is tried',
    (name) => {
      for (const tool of cliTools(goodPolicy(textOf(name)).tools).values()) {
        const known = casesOf(tool.name).policies.flatMap(({ attacks }) => attacks.map(argvOf));
        const { through, tried, allowedBases, bases } = attackTool(tool, known);
        expect(through).toEqual([]);
        expect(tried).toBeGreaterThan(500);
        // Attacks are put into calls that pass without them, or they would say nothing.
        expect(allowedBases).toBeGreaterThan(bases / 2);
      }
    },
    120_000,
  );
});
