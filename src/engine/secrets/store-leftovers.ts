/**
 * What a killed `secret set` or `rotate-key` left behind: temporary files, in which an old secret or identity would
 * outlive its removal. Called only while the store is locked, so none of them is in use.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../model/error.ts';
import { removeIfThere } from '../safe-file.ts';
import { secretsDirectory } from './store-lock.ts';

/** The names that `writeFileAtomically` gives. */
const TEMPORARY = /^\.[A-Za-z0-9_-]{12}\.tmp$/;
/** How files of the store begin: an identity, and what age encrypted. The state directory has others' files too. */
const OURS = /^(# created: |AGE-SECRET-KEY-|age-encryption\.org\/v1\n|age1)/;

/** Removes them. @throws the system's error */
export function removeLeftovers(stateDirectory: string): void {
  for (const directory of [stateDirectory, secretsDirectory(stateDirectory)]) {
    for (const name of readdirSync(directory).filter((file) => TEMPORARY.test(file))) {
      const path = join(directory, name);
      if (directory !== stateDirectory || OURS.test(beginning(path))) removeIfThere(path);
    }
  }
}

/** Empty where it is gone meanwhile. */
function beginning(path: string): string {
  try {
    return readFileSync(path).subarray(0, 32).toString('latin1');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
