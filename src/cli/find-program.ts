/** Finds a program where hosts keep programs, as the gateway would judge it. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { inspectBinary } from '../engine/binary.ts';

/** In the order in which a shell would find it. */
export function programDirectories(): string[] {
  return ['/usr/local/bin', '/usr/bin', '/bin', '/opt/homebrew/bin', join(homedir(), '.local', 'bin')];
}

export interface FoundProgram {
  /** The first that the gateway would start; undefined where there is none. */
  readonly path: string | undefined;
  /** Others of that name, which somebody else could replace: the gateway would not start them. */
  readonly insecure: readonly { readonly path: string; readonly why: string }[];
}

/** Looks for a program in directories, in their order. Never throws. */
export function findProgram(name: string, directories: readonly string[]): FoundProgram {
  const uid = process.getuid?.() ?? 0;
  const found = directories.map((directory) => {
    const path = join(directory, name);
    return { path, finding: inspectBinary(path, { uid }) };
  });
  return {
    path: found.find(({ finding }) => finding.kind === 'ok' || finding.kind === 'interpreter')?.path,
    insecure: found.flatMap(({ path, finding }) => (finding.kind === 'insecure' ? [{ path, why: finding.why }] : [])),
  };
}
