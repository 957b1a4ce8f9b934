/** Compiles parts of src into a temporary directory, so that other processes can run what lies in src now. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Returns the directory that now stands for src: `engine/log.js` in it is src/engine/log.ts. Whoever asks removes it. */
export function compileSources(...sources: readonly string[]): string {
  const root = join(import.meta.dirname, '../../..');
  const outDir = mkdtempSync(join(tmpdir(), 'carapace-compiled-'));
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { outDir, rootDir: join(root, 'src'), typeRoots: [join(root, 'node_modules/@types')] },
    include: [],
    files: sources.map((source) => join(root, 'src', source)),
  };
  writeFileSync(join(outDir, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(outDir, 'package.json'), '{"type":"module"}');
  symlinkSync(join(root, 'node_modules'), join(outDir, 'node_modules'));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', outDir], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stdout);
  return outDir;
}
