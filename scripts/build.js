// Compiles src/ to dist/ and notes the commit, for `--version`. Plain JavaScript: it must run before anything is built.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';

const root = new URL('..', import.meta.url);
const tsc = new URL('node_modules/typescript/bin/tsc', root);

/**
 * Checks the profiles and leaves them as lines of JSON, which are read in a hundredth of the time; what is not good is
 * not built.
 *
 * @returns {Promise<void>}
 */
async function buildProfiles() {
  const { digestOf, loadProfile } = await import(new URL('dist/policy/profile/load-profile.js', root).href);
  const { writeBuilt } = await import(new URL('dist/policy/profile/built-profile.js', root).href);
  const from = new URL('src/profiles/', root);
  const to = new URL('dist/profiles/', root);
  rmSync(to, { recursive: true, force: true }); // what lies there is a profile, by its name
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from).filter((name) => name.endsWith('.yaml'))) {
    const text = readFileSync(new URL(file, from), 'utf8');
    const name = file.replace(/\.yaml$/, '');
    const loaded = loadProfile({ name, file: `src/profiles/${file}`, text });
    if (loaded.ok !== true) {
      for (const { place, path, message } of loaded.problems) {
        process.stderr.write(`${place.file}:${place.line}:${place.column}: ${path}: ${message}\n`);
      }
      process.exit(1);
    }
    writeFileSync(new URL(`${name}.jsonl`, to), writeBuilt({ digest: digestOf(text), source: loaded.source }));
  }
}

/**
 * Collects the attacks that the profiles are tested with, for `carapace policy attack`.
 *
 * @returns {Promise<void>}
 */
async function buildAttacks() {
  const { plainText, splitWords } = await import(new URL('dist/policy/split.js', root).href);
  const from = new URL('test/profiles/', root);
  const to = new URL('dist/attacks/', root);
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from).filter((name) => name.endsWith('.yaml'))) {
    /** @type {{ policies: { attacks?: string[] }[] }} */
    const { policies } = parse(readFileSync(new URL(file, from), 'utf8'));
    const attacks = policies
      .flatMap(({ attacks: typed = [] }) => typed)
      .map((typed) => splitWords(typed, 'shell').words.map(plainText));
    writeFileSync(new URL(file.replace(/yaml$/, 'json'), to), JSON.stringify(attacks));
  }
}

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
await buildProfiles();
await buildAttacks();
chmodSync(new URL('dist/cli/main.js', root), 0o755);
writeFileSync(new URL('dist/build.json', root), `${JSON.stringify({ commit: commit() })}\n`);
