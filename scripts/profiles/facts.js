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

/** @typedef {import('./lib.js').Command} Command */

/**
 * @param {string} place
 * @param {Command} command
 * @returns {string[]}
 */
function optionFacts(place, command) {
  return (command.options ?? []).flatMap((option) => {
    // some names carry the separator or the value: `--depth=`, `--sort <key>`; tar's have old forms without a dash
    const named = many(option.name).map((name) => name.replace(/[= ].*$/, ''));
    const names = named.filter((name) => name.startsWith('-') && name !== '--');
    const value = arity(option.args);
    return names.length === 0 ? [] : [`${place}: ${[...new Set(names)].join(', ')}${value && ` ${value}`}`];
  });
}

/**
 * @param {string[]} path
 * @param {Command} command
 * @returns {string[]}
 */
function commandFacts(path, command) {
  const place = path.join(' ');
  const aliases = many(command.name).slice(1);
  if (place === '') return optionFacts('', command);
  return [aliases.length > 0 ? `${place} (${aliases.join(', ')})` : place, ...optionFacts(place, command)];
}

/** @type {Record<string, typeof commandFacts>} */
const special = {
  // a catalogue entry is a command of a script, not an argument
  sed: (path, command) => (path.length === 0 ? commandFacts(path, command) : []),
  // tar's commands are options: `tar -x`
  tar: (path, command) =>
    optionFacts(
      '',
      path.length === 0 ? command : { ...command, options: [{ name: command.name }, ...(command.options ?? [])] },
    ),
};

for (const tool of tools) {
  /** @type {Set<string>} */
  const facts = new Set();
  /** @type {string[]} */
  const remarks = [];
  const read = special[tool] ?? commandFacts;
  /** @type {(path: string[], command: Command) => void} */
  const visit = (path, command) => {
    for (const fact of read(path, command)) facts.add(fact);
  };
  const spec = await readSpec(folder, tool);
  await walk(folder, spec, visit, (path, why) => remarks.push(`# ${[tool, ...path].join(' ')}: ${why}`));
  const lines = [`# ${tool}: from ${PACKAGE} ${VERSION}; ${facts.size} facts`, ...remarks, ...[...facts].sort()];
  writeFileSync(new URL(`${tool}.txt`, out), `${lines.join('\n')}\n`);
  console.log(`${tool}: ${facts.size}`);
}
