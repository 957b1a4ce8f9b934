// Writes src/profiles/gcloud.yaml from the model that gcloud prints of itself and from gcloud.judgement.yaml.
// Usage: gcloud meta list-gcloud > MODEL.json; node scripts/profiles/gcloud.js MODEL.json
import { readFileSync } from 'node:fs';
import { makeProfile, readJudgement, Rules } from './make-profile.js';

/**
 * @typedef {import('./make-profile.js').RawCommand} RawCommand
 * @typedef {import('./make-profile.js').RawOption} RawOption
 * @typedef {{ name: string, alternative_names: string[] | null, is_hidden: boolean, type: string, default?: unknown,
 *   nargs: string }} Flag
 * @typedef {{ value: string, nargs: string }} Positional
 * @typedef {{ commands: Record<string, Node>, flags: Record<string, number>, positionals: Positional[],
 *   is_hidden: boolean }} Node
 */

const [modelFile] = process.argv.slice(2);
if (modelFile === undefined) {
  console.error('usage: node scripts/profiles/gcloud.js MODEL.json');
  process.exit(2);
}
/** @type {Node & { CLI_VERSION: string, SERIALIZED_FLAG_LIST: Flag[] }} */
const model = JSON.parse(readFileSync(modelFile, 'utf8'));
/** Hidden options that are taken all the same. */
const shown = new Rules({ shown: readJudgement('gcloud').hidden ?? '' });

/**
 * @param {Node} node
 * @param {string} name
 * @returns {Flag | undefined}
 */
const flagOf = (node, name) => model.SERIALIZED_FLAG_LIST[node.flags[name] ?? -1];

/**
 * The model calls a choice of true and false a bool as well; only of a switch is the default one.
 * @param {Flag | undefined} flag
 * @returns {boolean}
 */
const isSwitch = (flag) => flag?.type === 'bool' && typeof flag.default === 'boolean';

/**
 * @param {string} type as the model names it, often by a function that reads the value
 * @returns {string}
 */
function kindOf(type) {
  if (/FileContents|ArgDictFile|ConditionFromFile|:Versioned?Parse/.test(type)) return 'file';
  if (type === 'int') return 'integer';
  return type === 'list' || type === 'dict' ? 'list' : 'other';
}

/**
 * @param {string} path
 * @param {Node} node
 * @param {string} name
 * @returns {RawOption[]} none where it is not to be taken
 */
function optionOf(path, node, name) {
  const flag = flagOf(node, name);
  if (flag === undefined || name in model.flags) return [];
  if (flag.is_hidden && shown.find(path, [name]) === undefined) return [];
  if (name.startsWith('--no-') && isSwitch(flagOf(node, `--${name.slice(5)}`))) return [];
  const others = (flag.alternative_names ?? []).filter((other) => other.startsWith('-') && other !== name);
  const names = [...new Set([...others, name])].sort((a, b) => a.length - b.length);
  if (isSwitch(flag)) {
    const negatable = names.some((each) => `--no-${each.slice(2)}` in node.flags);
    return [{ names, arity: 'switch', kind: 'switch', negatable }];
  }
  return [{ names, arity: flag.nargs === '?' ? 'optional' : 'required', kind: kindOf(flag.type) }];
}

/** @type {Record<string, import('./make-profile.js').RawOperand['form']>} */
const FORMS = { 1: 'one', '?': 'optional', '*': 'many', '+': 'many', '...': 'program', 'A...': 'program' };

/**
 * @param {string[]} words
 * @param {Node} node
 * @returns {RawCommand[]}
 */
function commandsOf(words, node) {
  if (node.is_hidden) return [];
  const children = Object.entries(node.commands);
  if (children.length > 0) return children.flatMap(([word, child]) => commandsOf([...words, word], child));
  const path = words.join(' ');
  const options = Object.keys(node.flags).flatMap((name) => optionOf(path, node, name));
  const operands = node.positionals.map(({ value, nargs }) => ({ name: value, form: FORMS[nargs] ?? 'one' }));
  return [{ path, options, operands }];
}

const commands = Object.entries(model.commands).flatMap(([word, node]) => commandsOf([word], node));
makeProfile('gcloud', model.CLI_VERSION, commands);
