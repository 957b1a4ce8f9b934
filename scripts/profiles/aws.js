// Writes src/profiles/aws.yaml from botocore's service models, which AWS CLI v2 makes its commands of, from
// aws.judgement.yaml, and from aws.commands.yaml, which has the CLI's own commands.
// Usage: node scripts/profiles/aws.js [--models FOLDER] [--print] [--review]
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { commandsOf, findModels, versionOf } from './aws-models.js';
import { render } from './aws-render.js';
import { Rules } from './make-profile.js';

/**
 * @typedef {import('./aws-models.js').Command} Operation
 * @typedef {import('./aws-render.js').Command} Command
 * @typedef {import('./aws-render.js').Option} Option
 * @typedef {Record<string, string>} Blocks
 * @typedef {{ head: string, models: Blocks, services: string, writes: string, leave: string, verbs: Blocks,
 *   commands: Blocks, secrets: string, options: Blocks, 'options-of-writes': Blocks, types: Blocks, parts: Blocks,
 *   renames: Record<string, Blocks>, added: Record<string, Blocks>, sets: Blocks }} Judgement
 * @typedef {{ class: string, operands?: string, options?: Blocks, include?: string[], stdin?: string }} OwnCommand
 */

const PROFILE = new URL('../../src/profiles/aws.yaml', import.meta.url);

/**
 * @param {string} file
 * @returns {any}
 */
const read = (file) => parse(readFileSync(new URL(file, import.meta.url), 'utf8'));

/**
 * @param {string} block
 * @returns {string[]} its lines, without comments
 */
const linesOf = (block) =>
  block
    .split('\n')
    .map((line) => line.replace(/(^|\s)# .*$/, '').trim())
    .filter((line) => line !== '');

/**
 * @param {string} block
 * @returns {string[]} what stands between its commas and line ends
 */
const wordsOf = (block) => linesOf(block).flatMap((line) => line.split(',').flatMap((word) => word.trim() || []));

/**
 * The folder of models that `--models` names, or the one of the version that the profile was made of.
 * @returns {string}
 */
function modelsFolder() {
  const at = process.argv.indexOf('--models');
  const named = at === -1 ? undefined : process.argv[at + 1];
  if (named !== undefined) return named;
  const wanted = /botocore ([\d.]+)/.exec(readFileSync(PROFILE, 'utf8'))?.[1];
  const folder = findModels().find((each) => versionOf(each) === wanted);
  if (folder === undefined) throw new Error(`no models of botocore ${wanted} are here: name a folder with --models`);
  return folder;
}

/** @type {Judgement} */
const judgement = read('aws.judgement.yaml');
/** @type {{ sets: Record<string, Blocks>, commands: Record<string, OwnCommand> }} */
const own = read('aws.commands.yaml');
const folder = modelsFolder();
const rules = {
  writes: new Rules({ taken: judgement.writes }),
  leave: new Rules({ left: judgement.leave }),
  verbs: new Rules(judgement.verbs),
  commands: new Rules(judgement.commands),
  options: new Rules(judgement.options),
  optionsOfWrites: new Rules(judgement['options-of-writes']),
  types: new Rules(judgement.types),
};
const secrets = new Set(wordsOf(judgement.secrets));
const globals = [...judgement.head.matchAll(/^ {3}--([a-z-]+)/gm)].map(([, name]) => name ?? '');

/**
 * @template T
 * @param {Record<string, T>} byGlob
 * @returns {(text: string) => T[]} all that have a glob that fits
 */
function lookup(byGlob) {
  const entries = Object.entries(byGlob).map(([glob, what]) => ({ fits: new Rules({ yes: glob }), what }));
  return (text) => entries.flatMap(({ fits, what }) => (fits.find('', [text]) === undefined ? [] : [what]));
}

const renamesOf = lookup(judgement.renames);
const changesOf = lookup(judgement.added);
const partsOf = Object.fromEntries(
  Object.entries(judgement.parts).map(([service, globs]) => [service, new Rules({ yes: globs })]),
);

/**
 * Is it a read by its name, whatever it prints?
 * @param {string} path
 * @param {Operation} operation
 * @returns {boolean}
 */
const isRead = (path, { name }) =>
  rules.verbs.find('', [name]) === 'safe' || rules.commands.find('', [path]) === 'safe';

/**
 * @param {string} path
 * @param {Operation} operation
 * @returns {string}
 */
function classOf(path, operation) {
  const judged = rules.commands.find('', [path]);
  if (judged !== undefined) return judged;
  if (!isRead(path, operation)) return 'mutates';
  if ([...operation.prints].some((member) => secrets.has(member))) return 'prints-secret';
  return operation.outfile ? 'writes-file' : 'safe';
}

/**
 * @param {string} path
 * @param {string} name
 * @param {Operation} operation
 * @returns {string}
 */
function optionClassOf(path, name, operation) {
  // aws looks for its global options first, in all arguments, and takes abbreviations of them
  if (globals.some((each) => each !== name && each.startsWith(name))) return 'redirects';
  if (operation.options.get(name)?.type === 'upload') return 'reads-file';
  const judged = rules.options.find(path, [name]);
  if (judged !== undefined) return judged;
  return (isRead(path, operation) ? undefined : rules.optionsOfWrites.find(path, [name])) ?? 'safe';
}

/**
 * @param {Blocks} blocks lines of options, by class
 * @returns {Option[]}
 */
const entriesOf = ({ without: _without, operands: _operands, ...blocks }) =>
  Object.entries(blocks).flatMap(([each, lines]) => linesOf(lines).map((line) => ({ line, class: each })));

const VALUES = { switch: '', one: ' <TYPE>', optional: ' [<TYPE>]', many: ' <TYPE>...' };

/**
 * The names of options of an operation on the command line, by those that the model gives.
 * @param {string} path
 * @returns {(name: string) => string}
 */
function namesOf(path) {
  /** @type {Blocks} */
  const names = Object.assign({}, ...renamesOf(path).toReversed());
  return (name) => names[name] ?? name;
}

/**
 * What a line says of a switch and its opposite: `--no-NAME`, or an option of another name, where each undoes the other.
 * @param {string} path
 * @param {Operation} operation
 * @param {string} name by the model
 * @returns {string}
 */
function flagsOf(path, { options }, name) {
  const opposite = [`no-${name}`, name.replace(/^no-/, '')].find((each) => each !== name && options.has(each));
  if (opposite === undefined) return '';
  const spelled = namesOf(path)(opposite);
  return spelled === `no-${namesOf(path)(name)}` ? ' (negatable)' : ` (overrides --${spelled})`;
}

/**
 * @param {string} path
 * @param {Operation} operation
 * @returns {Option[]}
 */
function optionsOf(path, operation) {
  const nameOf = namesOf(path);
  const known = [...operation.options.keys()].map(nameOf);
  const without = new Set(changesOf(path).flatMap((what) => wordsOf(what['without'] ?? '')));
  const entries = [...operation.options].flatMap(([modelName, { arity, type }]) => {
    const name = nameOf(modelName);
    const isNegation = name.startsWith('no-') && known.includes(name.slice(3));
    if (isNegation || without.has(name)) return [];
    const value = VALUES[arity].replace('TYPE', rules.types.find(path, [name]) ?? type);
    const line = `--${name}${value}${flagsOf(path, operation, modelName)}`;
    return [{ line, class: optionClassOf(path, name, operation) }];
  });
  return [...entries, ...changesOf(path).flatMap(entriesOf)];
}

/**
 * @param {string} path
 * @param {Operation} operation
 * @returns {boolean}
 */
function isTaken(path, operation) {
  if (path in own.commands || rules.leave.find('', [path]) !== undefined) return false;
  const part = partsOf[path.split(' ', 1)[0] ?? ''];
  if (part !== undefined && part.find('', [operation.name]) === undefined) return false;
  return isRead(path, operation) || rules.writes.find('', [path]) !== undefined;
}

/**
 * @param {string} path
 * @param {Operation} operation
 * @returns {Command}
 */
function commandOf(path, operation) {
  const command = { path, class: classOf(path, operation), options: optionsOf(path, operation) };
  const [operands] = [
    ...changesOf(path).flatMap((what) => what['operands'] ?? []),
    ...(operation.outfile ? ['<download>'] : []),
  ];
  return operands === undefined ? command : { ...command, operands };
}

/**
 * @param {string} service by its name on the command line
 * @returns {Command[]}
 */
function serviceCommands(service) {
  const operations = commandsOf(folder, judgement.models[service] ?? service);
  if (operations.length === 0) console.error(`these models have no ${service}`);
  return operations.flatMap((operation) => {
    const path = `${service} ${operation.name}`;
    return isTaken(path, operation) ? [commandOf(path, operation)] : [];
  });
}

/**
 * A command that the CLI has of its own.
 * @param {[string, OwnCommand]} entry
 * @returns {Command}
 */
const ownCommand = ([path, { options = {}, include = [], ...command }]) => ({
  path,
  ...command,
  options: [options, ...include.map((name) => own.sets[name] ?? {})].flatMap(entriesOf),
});

const commands = [
  ...Object.entries(own.commands).map(ownCommand),
  ...wordsOf(judgement.services).sort().flatMap(serviceCommands),
];
const sets = new Map(Object.entries(judgement.sets).map(([name, lines]) => [name, entriesOf({ safe: lines })]));
const text = `${judgement.head.replaceAll('VERSION', versionOf(folder)).trimEnd()}\n${render(commands, sets)}`;
if (process.argv.includes('--print')) process.stdout.write(text);
else writeFileSync(PROFILE, text);
const options = commands.reduce((sum, each) => sum + each.options.length, 0);
const safe = commands.filter((each) => each.class === 'safe').length;
console.error(`${commands.length} commands, ${safe} of them safe; ${options} options; ${text.length} bytes`);
if (process.argv.includes('--review')) {
  for (const each of Object.values(rules)) for (const glob of each.unused()) console.error(`rule without use: ${glob}`);
}
