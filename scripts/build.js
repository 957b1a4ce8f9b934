// Compiles src/ to dist/ and notes the commit, for `--version`. Plain JavaScript: it must run before anything is built.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const tsc = new URL('node_modules/typescript/bin/tsc', root);

/** @returns {string | null} */
function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return null; // built from a tarball
  }
}

if (process.argv.includes('--clean')) rmSync(new URL('dist', root), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc.pathname, '-p', '.'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
mkdirSync(new URL('dist/vm', root), { recursive: true });
cpSync(new URL('src/vm', root), new URL('dist/vm', root), { recursive: true });
chmodSync(new URL('dist/cli/main.js', root), 0o755);
writeFileSync(new URL('dist/build.json', root), `${JSON.stringify({ commit: commit() })}\n`);
