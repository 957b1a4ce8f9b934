/** Which Carapace this is. */
import { readFileSync } from 'node:fs';

export interface Version {
  /** Of package.json. */
  readonly version: string;
  /** The commit that was built; null where that is not known. */
  readonly commit: string | null;
}

/** Reads the version that was built. */
export function readVersion(): Version {
  const { version } = readJson('../../package.json') as { version: string };
  return { version, commit: readCommit() };
}

/** `0.1.0 (commit 0123456789ab)`. */
export function formatVersion({ version, commit }: Version): string {
  return commit === null ? version : `${version} (commit ${commit})`;
}

function readCommit(): string | null {
  try {
    return (readJson('../build.json') as { commit: string | null }).commit;
  } catch {
    return null;
  }
}

function readJson(relative: string): unknown {
  return JSON.parse(readFileSync(new URL(relative, import.meta.url), 'utf8'));
}
