/** The policies that come with Carapace, to start from: `policies/` of the installation. */
import { readdirSync, readFileSync } from 'node:fs';
import { isPolicyFile } from '../engine/store-policies.ts';
import { CarapaceError } from '../model/error.ts';
import { didYouMean } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import { headOf } from '../policy/preset.ts';

/** The same from src/cli/ of a checkout and from dist/cli/ of a package. */
const FOLDER = new URL('../../policies/', import.meta.url);

/** For editors, as policies that lie elsewhere name it. */
export const SCHEMA_URL = new URL('policy.schema.json', FOLDER).href;

export interface Preset {
  readonly name: string;
  readonly text: string;
  /** What it says about itself, in a paragraph; what has to be changed is in it. */
  readonly about: string;
}

/** Names of all presets, sorted. */
export function presetNames(): string[] {
  return readdirSync(FOLDER)
    .filter(isPolicyFile)
    .map((name) => name.replace(/\.yaml$/, ''))
    .sort();
}

/** @throws CarapaceError `no-such-preset` */
export function readPreset(name: string): Preset {
  const names = presetNames();
  if (!names.includes(name)) {
    const message = `preset: ${quoted(name)} does not exist${didYouMean(name, names)}`;
    throw new CarapaceError('no-such-preset', message, { hint: '`carapace policy add` lists those there are' });
  }
  const text = readFileSync(new URL(`${name}.yaml`, FOLDER), 'utf8');
  return { name, text, about: headOf(text) };
}
