// What the scripts of this folder share: reading completion specs of the npm package @withfig/autocomplete.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The only version that the facts were read from. Another one needs a new review of what changed. */
export const PACKAGE = '@withfig/autocomplete';
export const VERSION = '2.692.3';

/**
 * The parts of a completion spec that are facts about a command line.
 * @typedef {{ name?: string, isOptional?: boolean, isVariadic?: boolean, template?: string | string[] }} Arg
 * @typedef {{ name: string | string[], args?: Arg | Arg[], description?: string, isPersistent?: boolean,
 *   isRepeatable?: boolean | number }} Option
 * @typedef {{ name: string | string[], args?: Arg | Arg[], description?: string, options?: Option[],
 *   subcommands?: Command[], loadSpec?: string | Command | (() => unknown), generateSpec?: unknown }} Command
 */

/**
 * @template T
 * @param {T | T[] | undefined} value
 * @returns {T[]}
 */
export const many = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

/**
 * Refuses a folder that holds another package or version.
 * @param {string} folder the unpacked package
 * @returns {void}
 */
export function checkPackage(folder) {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (name !== PACKAGE || version !== VERSION) {
    throw new Error(`${folder} holds ${name} ${version}, not ${PACKAGE} ${VERSION}`);
  }
}

/**
 * @param {string} folder the unpacked package
 * @param {string} name a spec's name inside the package: `gh`, `gcloud/compute`
 * @returns {Promise<Command>}
 */
export async function readSpec(folder, name) {
  const { default: spec } = await import(pathToFileURL(resolve(folder, 'build', `${name}.js`)).href);
  if (typeof spec !== 'object') throw new Error(`${name}: not a plain spec`);
  return spec;
}

/**
 * The whole of a subcommand: some have a spec of their own.
 * @param {string} folder
 * @param {Command} child
 * @param {(why: string) => void} missing
 * @returns {Promise<Command>}
 */
async function whole(folder, child, missing) {
  const { loadSpec, name } = child;
  if (loadSpec === undefined) return child;
  if (typeof loadSpec === 'string') {
    try {
      return { ...(await readSpec(folder, loadSpec)), name };
    } catch {
      missing(`its spec ${loadSpec} is not in the package`);
      return child;
    }
  }
  if (typeof loadSpec === 'object') return { ...loadSpec, name };
  missing('its spec is found when the tool runs');
  return child;
}

/**
 * Calls `visit` for the command and everything below it, specs of their own included.
 * @param {string} folder
 * @param {Command} command
 * @param {(path: string[], command: Command) => void} visit
 * @param {(path: string[], why: string) => void} [missing] told of what cannot be read
 * @param {string[]} [path]
 * @param {Command[]} [above]
 * @returns {Promise<void>}
 */
export async function walk(folder, command, visit, missing = () => {}, path = [], above = []) {
  visit(path, command);
  if (command.generateSpec !== undefined) missing(path, 'further commands are found when the tool runs');
  const below = [...above, command];
  for (const child of command.subcommands ?? []) {
    if (below.includes(child)) continue;
    const childPath = [...path, ...many(child.name).slice(0, 1)];
    const full = await whole(folder, child, (why) => missing(childPath, why));
    await walk(folder, full, visit, missing, childPath, below);
  }
}

/**
 * The value of an option as the facts and the profiles write it.
 * @param {Arg | Arg[] | undefined} args
 * @returns {string} '' for a switch
 */
export const arity = (args) =>
  many(args)
    .map((arg) => (arg.isOptional === true ? '[<value>]' : '<value>') + (arg.isVariadic === true ? '...' : ''))
    .join(' ');

/**
 * One option, as a profile has it: its line and its class.
 * @typedef {{ line: string, class: string }} OptionEntry
 * @typedef {{ path: string, class: string | null, operands?: string, options: OptionEntry[], fields?: Record<string, string> }} CommandEntry
 */

/** The order in which a profile lists classes. */
const CLASSES = [
  'safe',
  'reads-file',
  'writes-file',
  'executes',
  'redirects',
  'prints-secret',
  'mutates',
  'exposes',
  'opens-browser',
  'needs-tty',
];

/**
 * Rules of a judgement file: by class (or type), globs in which `*` stands for any text. The first that fits decides.
 * A glob with a colon, `COMMAND PATH: --option`, is for one place, and those go before all others.
 */
export class Rules {
  /** @param {Record<string, string>} source */
  constructor(source) {
    /** @type {{ result: string, path: RegExp | null, name: RegExp, source: string }[]} */
    const rules = Object.entries(source).flatMap(([result, block]) =>
      globsOf(block).map((glob) => {
        const [path, name] = glob.includes(': ') ? glob.split(': ', 2) : [null, glob];
        return { result, path: path === null ? null : toRegExp(path ?? ''), name: toRegExp(name ?? ''), source: glob };
      }),
    );
    this.placed = rules.filter(({ path }) => path !== null);
    this.general = rules.filter(({ path }) => path === null);
    /** @type {Set<object>} */
    this.used = new Set();
  }

  /**
   * @param {string} path of the command
   * @param {string} name
   * @returns {string | undefined}
   */
  find(path, name) {
    const rule =
      this.placed.find((each) => each.path?.test(path) === true && each.name.test(name)) ??
      this.general.find((each) => each.name.test(name));
    if (rule !== undefined) this.used.add(rule);
    return rule?.result;
  }

  /** Rules that decided nothing: most likely they are misspelt. */
  unused() {
    return [...this.placed, ...this.general].filter((rule) => !this.used.has(rule)).map(({ source }) => source);
  }
}

/**
 * The globs of a block: separated by commas and line ends; `# ...` is a comment.
 * @param {string} block
 * @returns {string[]}
 */
export const globsOf = (block) =>
  block
    .split('\n')
    .flatMap((line) => line.replace(/(^|\s)# .*$/, '').split(','))
    .map((glob) => glob.trim())
    .filter((glob) => glob !== '');

/**
 * @param {string} glob
 * @returns {RegExp}
 */
const toRegExp = (glob) => new RegExp(`^${glob.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`);

/**
 * @param {OptionEntry[]} options
 * @returns {[string, string][]} class and lines
 */
function byClass(options) {
  return CLASSES.flatMap((each) => {
    const lines = options.filter((option) => option.class === each).map(({ line }) => line);
    return lines.length === 0 ? [] : [/** @type {[string, string]} */ ([each, lines.sort().join('\\n')])];
  });
}

/**
 * @param {OptionEntry[]} options
 * @returns {string} a YAML mapping on one line
 */
const optionMapping = (options) =>
  `{${byClass(options)
    .map(([each, lines]) => `${each}: "${lines}"`)
    .join(', ')}}`;

/**
 * Writes the commands of a profile: one line each. Options that are in a set are given by its name.
 * @param {CommandEntry[]} commands
 * @param {Record<string, OptionEntry[]>} given sets that the judgement names
 * @returns {string}
 */
export function renderCommands(commands, given) {
  /** @type {(option: OptionEntry) => string} */
  const key = (option) => `${option.class} ${option.line}`;
  const sets = Object.entries(given).map(([name, options]) => ({ name, options, keys: new Set(options.map(key)) }));
  const rows = commands.map((command) => {
    /** @type {string[]} */
    const include = [];
    let options = command.options;
    for (const set of sets) {
      const mine = new Set(options.map(key));
      if (![...set.keys].every((each) => mine.has(each))) continue;
      include.push(set.name);
      options = options.filter((option) => !set.keys.has(key(option)));
    }
    return { command, include, rest: options };
  });
  // what several commands have left in common becomes a set of its own
  /** @type {Map<string, { options: OptionEntry[], count: number, name: string }>} */
  const shared = new Map();
  for (const { rest } of rows) {
    const mapping = optionMapping(rest);
    const entry = shared.get(mapping) ?? { options: rest, count: 0, name: '' };
    entry.count += 1;
    shared.set(mapping, entry);
  }
  let number = 0;
  const own = [...shared].filter(([mapping, { count }]) => mapping.length > 24 && (count - 1) * (mapping.length - 8) > 40);
  for (const [, entry] of own) entry.name = `o${(number += 1)}`;
  const used = new Set(rows.flatMap(({ include }) => include));
  const setLines = [
    ...sets.filter(({ name }) => used.has(name)).map(({ name, options }) => ` ${name}: ${optionMapping(options)}`),
    ...own.map(([mapping, { name }]) => ` ${name}: ${mapping}`),
  ];
  const lines = rows.map(({ command, include, rest }) => {
    const name = shared.get(optionMapping(rest))?.name ?? '';
    const names = name === '' ? include : [...include, name];
    const fields = [
      ...(command.class === null ? [] : [`class: ${command.class}`]),
      ...(command.operands === undefined ? [] : [`operands: "${command.operands}"`]),
      ...Object.entries(command.fields ?? {}).map(([field, value]) => `${field}: ${value}`),
      ...(names.length === 0 ? [] : [`include: [${names.join(', ')}]`]),
      ...(name !== '' || rest.length === 0 ? [] : [`options: ${optionMapping(rest)}`]),
    ];
    return ` ${command.path}: {${fields.join(', ')}}`;
  });
  return `sets:\n${setLines.join('\n')}\ncommands:\n${lines.join('\n')}\n`;
}
