/** Calls that a profile is tried with: `test/profiles/TOOL.yaml`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import * as z from 'zod';
import { plainText, splitWords } from '../../src/policy/split.ts';

const policyCases = z.strictObject({
  name: z.string(),
  allow: z.array(z.string()),
  deny: z.array(z.string()).default([]),
  options: z.record(z.string(), z.unknown()).optional(),
  stdin: z.unknown().optional(),
  cwd_allowed: z.array(z.string()).optional(),
  cwd_trusted: z.boolean().optional(),
  /** Where the client starts its calls. */
  cwd: z.string().optional(),
  /** As they are typed in a shell. */
  harmless: z.array(z.string()).default([]),
  attacks: z.array(z.string()).default([]),
});

const profileCases = z.strictObject({
  tool: z.string(),
  /** Facts of the catalogue that the profile leaves out or knows otherwise, with the reason. */
  differs: z.record(z.string(), z.string()).default({}),
  policies: z.array(policyCases).min(1),
});

export type ProfileCases = z.infer<typeof profileCases>;

/** Names of the profiles that come with Carapace; `PROFILE=gh` tries only that one. */
export function profileNames(): string[] {
  const names = readdirSync(new URL('../../src/profiles/', import.meta.url)).map((file) => file.replace(/\.yaml$/, ''));
  const only = process.env['PROFILE'];
  return only === undefined ? names : names.filter((name) => name === only);
}

/** The cases of a profile. */
export function casesOf(tool: string): ProfileCases {
  return profileCases.parse(parse(readFileSync(new URL(`${tool}.yaml`, import.meta.url), 'utf8')));
}

/** What somebody typed, as an argument list. */
export function argvOf(typed: string): string[] {
  const split = splitWords(typed, 'shell');
  if (!split.ok) throw new Error(`${typed}: ${split.message}`);
  return split.words.map(plainText);
}

/** Facts about a tool's options, as a catalogue has them; none where there is no catalogue of it. */
export function factsOf(tool: string): string[] {
  const file = new URL(`../../scripts/profiles/facts/${tool}.txt`, import.meta.url);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}
