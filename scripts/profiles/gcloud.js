// Writes src/profiles/gcloud.yaml from the model that gcloud prints of itself and from gcloud.judgement.yaml.
// Usage: gcloud meta list-gcloud > MODEL.json; node scripts/profiles/gcloud.js MODEL.json
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { globsOf, renderCommands, Rules } from './lib.js';

/**
 * @typedef {import('./lib.js').CommandEntry} CommandEntry
 * @typedef {{ name: string, alternative_names: string[] | null, is_hidden: boolean, type: string, default?: unknown, nargs: string }} Flag
 * @typedef {{ value: string, nargs: string }} Positional
 * @typedef {{ commands: Record<string, Node>, flags: Record<string, number>, positionals: Positional[], is_hidden: boolean }} Node
 * @typedef {Record<string, string>} Blocks
 * @typedef {{ head: string, groups: string, reads: string, verbs: Blocks, commands: Blocks, options: Blocks,
 *   'options-of-reads': Blocks, values: Blocks, operands: Blocks, repeats: string, stdin: string,
 *   sets: Record<string, string> }} Judgement
 */

const [modelFile] = process.argv.slice(2);
if (modelFile === undefined) {
  console.error('usage: node scripts/profiles/gcloud.js MODEL.json');
  process.exit(2);
}
/** @type {Node & { CLI_VERSION: string, SERIALIZED_FLAG_LIST: Flag[] }} */
const model = JSON.parse(readFileSync(modelFile, 'utf8'));
const flags = model.SERIALIZED_FLAG_LIST;
/** @type {Judgement} */
const judgement = parse(readFileSync(new URL('gcloud.judgement.yaml', import.meta.url), 'utf8'));
const [groups, reads] = [globsOf(judgement.groups), globsOf(judgement.reads)];
const verbs = new Rules(judgement.verbs);
const commandRules = new Rules(judgement.commands);
const options = new Rules(judgement.options);
const optionsOfReads = new Rules(judgement['options-of-reads']);
const values = new Rules(judgement.values);
const operandRules = new Rules(judgement.operands);
const repeats = new Rules({ repeats: judgement.repeats });
const stdin = new Rules({ stdin: judgement.stdin });

/**
 * How much of a command's group is taken: the longest path in the judgement decides.
 * @param {string} path
 * @returns {'all' | 'reads' | 'none'}
 */
function taken(path) {
  const longest = (/** @type {string[]} */ list) =>
    Math.max(0, ...list.filter((group) => `${path} `.startsWith(`${group} `)).map((group) => group.length));
  const [all, some] = [longest(groups), longest(reads)];
  return all === 0 && some === 0 ? 'none' : all > some ? 'all' : 'reads';
}

/**
 * @param {string} path
 * @returns {string}
 */
const classOf = (path) => commandRules.find('', path) ?? verbs.find('', path.split(' ').at(-1) ?? '') ?? 'mutates';

/**
 * A switch has no value. The model calls a choice of true and false a bool as well; only a switch has a default that is one.
 * @param {Flag} flag
 * @returns {boolean}
 */
const isSwitch = (flag) => flag.type === 'bool' && typeof flag.default === 'boolean';

/**
 * The type of an option's value, by what the judgement says of its name and by what the model says of its type.
 * @param {string} path
 * @param {Flag} flag
 * @param {string} optionClass
 * @returns {string}
 */
function typeOf(path, flag, optionClass) {
  const judged = values.find(path, flag.name);
  if (judged !== undefined) return judged;
  if (optionClass === 'reads-file') return 'file';
  if (optionClass === 'writes-file') return 'outfile';
  if (flag.type === 'int') return 'integer';
  if (flag.type === 'list' || flag.type === 'dict') return optionClass === 'safe' ? 'list' : 'values';
  return optionClass === 'safe' ? 'word' : 'value';
}

/**
 * @param {string} path
 * @param {Flag} flag
 * @param {string} commandClass
 * @returns {string}
 */
function optionClassOf(path, flag, commandClass) {
  const judged = options.find(path, flag.name);
  if (judged !== undefined) return judged;
  if (/FileContents|ArgDictFile|ConditionFromFile|:Versioned?Parse/.test(flag.type)) return 'reads-file';
  return (commandClass === 'safe' ? optionsOfReads.find(path, flag.name) : undefined) ?? 'mutates';
}

/** @type {Map<string, string>} */
const unknown = new Map();

/**
 * @param {string} path
 * @param {Node} node
 * @param {string} commandClass
 * @returns {import('./lib.js').OptionEntry[]}
 */
function optionsOf(path, node, commandClass) {
  const names = Object.keys(node.flags);
  return names.flatMap((name) => {
    const flag = flags[node.flags[name] ?? -1];
    if (flag === undefined || name in model.flags || flag.is_hidden) return [];
    const negated = name.startsWith('--no-') && names.includes(`--${name.slice(5)}`);
    if (negated) return [];
    const optionClass = optionClassOf(path, flag, commandClass);
    if (commandClass === 'safe' && optionClass === 'mutates') unknown.set(name, path);
    const value = isSwitch(flag) ? '' : flag.nargs === '?' ? ` [<${typeOf(path, flag, optionClass)}>]` : ` <${typeOf(path, flag, optionClass)}>`;
    const marks = [
      ...(repeats.find(path, name) === undefined ? [] : ['repeats']),
      ...(isSwitch(flag) && names.includes(`--no-${name.slice(2)}`) ? ['negatable'] : []),
      ...(stdin.find(path, name) === undefined ? [] : ['stdin']),
    ];
    const all = [...(flag.alternative_names ?? []).filter((other) => other.startsWith('-') && other !== name), name];
    const spelled = [...new Set(all)].sort((a, b) => a.length - b.length);
    return [{ line: `${spelled.join(', ')}${value}${marks.length === 0 ? '' : ` (${marks.join(', ')})`}`, class: optionClass }];
  });
}

/**
 * Names that several entries of the model share (`-a`, `--canned-acl`) are one option.
 * @param {import('./lib.js').OptionEntry[]} entries
 * @returns {import('./lib.js').OptionEntry[]}
 */
function once(entries) {
  /** @type {Set<string>} */
  const seen = new Set();
  return entries
    .sort((a, b) => b.line.length - a.line.length)
    .filter(({ line }) => {
      const names = (/^[^ ]*(?:, -[^ ]*)*/.exec(line)?.[0] ?? '').split(', ');
      const fresh = names.every((name) => !seen.has(name));
      for (const name of names) seen.add(name);
      return fresh;
    });
}

/**
 * @param {string} path
 * @param {Node} node
 * @param {string} commandClass
 * @returns {{ operands?: string, fields?: Blocks }}
 */
function operandsOf(path, node, commandClass) {
  let program = false;
  const parts = node.positionals.flatMap(({ value, nargs }) => {
    const judged = operandRules.find(path, value);
    if (nargs === '...' || nargs === 'A...') {
      if (judged === undefined) program = true;
      return judged === undefined ? [] : [`[<${judged}>...]`];
    }
    const type = judged ?? (commandClass === 'safe' ? 'word' : 'value');
    return [nargs === '1' ? `<${type}>` : nargs === '?' ? `[<${type}>]` : `[<${type}>...]`];
  });
  // an operand behind one that may stand several times (cp SOURCE... DESTINATION) is of the same type
  const many = parts.findIndex((part) => part.includes('...'));
  const shown = many === -1 ? parts : parts.slice(0, many + 1);
  return {
    ...(shown.length === 0 ? {} : { operands: shown.join(' ') }),
    ...(program ? { fields: { 'after-dashes': 'program' } } : {}),
  };
}

/** @type {CommandEntry[]} */
const commands = [];

/**
 * @param {string[]} path
 * @param {Node} node
 * @returns {void}
 */
function visit(path, node) {
  if (node.is_hidden) return;
  const place = path.join(' ');
  if (Object.keys(node.commands).length > 0) {
    for (const [word, child] of Object.entries(node.commands)) visit([...path, word], child);
    return;
  }
  const how = taken(place);
  if (how === 'none') return;
  const commandClass = classOf(place);
  if (how === 'reads' && commandClass !== 'safe') return;
  const own = once(optionsOf(place, node, commandClass));
  commands.push({ path: place, class: commandClass, ...operandsOf(place, node, commandClass), options: own });
}

for (const [word, node] of Object.entries(model.commands)) visit([word], node);

/** @type {Record<string, import('./lib.js').OptionEntry[]>} */
const sets = Object.fromEntries(
  Object.entries(judgement.sets).map(([name, lines]) => [
    name,
    lines
      .trim()
      .split('\n')
      .map((line) => ({ line, class: 'safe' })),
  ]),
);
const head = judgement.head.replace('VERSION', model.CLI_VERSION);
const text = `${head.trimEnd()}\n${renderCommands(commands, sets)}`;
writeFileSync(new URL('../../src/profiles/gcloud.yaml', import.meta.url), text);
console.log(`${commands.length} commands, ${commands.filter((each) => each.class === 'safe').length} of them reads; ${text.length} bytes`);
if (process.argv.includes('--review')) {
  for (const [name, path] of [...unknown].sort()) console.log(`of a read, without a class: ${name} (${path})`);
  for (const rules of [verbs, commandRules, options, optionsOfReads, values, operandRules, repeats, stdin])
    for (const glob of rules.unused()) console.log(`rule without use: ${glob}`);
}
