import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  policyJsonSchema,
  policyReference,
  profileJsonSchema,
  profileReference,
} from '../../src/policy/json-schema.ts';

function committed(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

describe('what is generated from the schema', () => {
  it('is current as JSON Schema for editors', () => {
    expect(`${JSON.stringify(policyJsonSchema(), null, 2)}\n`).toBe(committed('policies/policy.schema.json'));
    expect(`${JSON.stringify(profileJsonSchema(), null, 2)}\n`).toBe(committed('policies/profile.schema.json'));
  });

  it('is current as the reference page', () => {
    expect(`${policyReference().trimEnd()}\n`).toBe(committed('docs/policy-reference.md'));
    expect(`${profileReference().trimEnd()}\n`).toBe(committed('docs/profile-reference.md'));
  });

  it('describes every key', () => {
    const undescribed: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        const child = `${path}.${key}`;
        const isProperty = path.endsWith('.properties') && typeof value === 'object' && value !== null;
        if (isProperty && !('description' in value)) undescribed.push(child);
        walk(value, child);
      }
    };
    walk(policyJsonSchema(), '');
    walk(profileJsonSchema(), '');
    expect(undescribed).toEqual([]);
  });
});
