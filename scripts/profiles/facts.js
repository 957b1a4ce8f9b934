// Writes facts/TOOL.txt: the names and arity of a tool's subcommands and options, from its completion spec.
// Usage: node scripts/profiles/facts.js UNPACKED_PACKAGE TOOL...
import { mkdirSync, writeFileSync } from 'node:fs';
import { arity, checkPackage, many, PACKAGE, readSpec, VERSION, walk } from './lib.js';

const [folder, ...tools] = process.argv.slice(2);
if (folder === undefined || tools.length === 0) {
  console.error('usage: node scripts/profiles/facts.js UNPACKED_PACKAGE TOOL...');
  process.exit(2);
}
checkPackage(folder);
const out = new URL('facts/', import.meta.url);
mkdirSync(out, { recursive: true });

for (const tool of tools) {
  /** @type {Set<string>} */
  const facts = new Set();
  /** @type {string[]} */
  const remarks = [];
  /** @type {(path: string[], command: import('./lib.js').Command) => void} */
  const visit = (path, command) => {
    if (tool === 'sed' && path.length > 0) return; // the commands of a script, not arguments of their own
    const place = tool === 'tar' ? '' : path.join(' '); // tar's commands are options: `tar -x`
    const aliases = many(command.name).slice(1);
    if (place) facts.add(aliases.length ? `${place} (${aliases.join(', ')})` : place);
    const options = tool === 'tar' && path.length > 0 ? [{ name: command.name }] : [];
    for (const option of [...options, ...(command.options ?? [])]) {
      // some names carry the separator or the value: `--depth=`, `--sort <key>`; tar's have old forms without a dash
      const named = many(option.name).map((name) => name.replace(/[= ].*$/, ''));
      const names = named.filter((name) => name.startsWith('-') && name !== '--');
      if (names.length === 0) continue;
      const value = arity(option.args);
      facts.add(`${place}: ${[...new Set(names)].join(', ')}${value && ` ${value}`}`);
    }
  };
  const spec = await readSpec(folder, tool);
  await walk(folder, spec, visit, (path, why) => remarks.push(`# ${[tool, ...path].join(' ')}: ${why}`));
  const lines = [`# ${tool}: from ${PACKAGE} ${VERSION}; ${facts.size} facts`, ...remarks, ...[...facts].sort()];
  writeFileSync(new URL(`${tool}.txt`, out), `${lines.join('\n')}\n`);
  console.log(`${tool}: ${facts.size}`);
}
