// Makes a profile of what a tool says of itself and of a judgement file. gcloud.js and az.js share it.
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';

/**
 * What a tool's own model says of one command.
 * @typedef {{ names: string[], arity: 'switch' | 'required' | 'optional' | 'many', kind: string, negatable?: boolean }} RawOption
 * @typedef {{ name: string, form: 'one' | 'optional' | 'many' | 'program' }} RawOperand
 * @typedef {{ path: string, options: RawOption[], operands: RawOperand[] }} RawCommand
 *
 * One option and one command, as a profile has them.
 * @typedef {{ names: string[], line: string, class: string }} OptionEntry
 * @typedef {{ path: string, class: string, operands: string, program: boolean, options: OptionEntry[] }} CommandEntry
 *
 * @typedef {Record<string, string>} Blocks globs by class or type
 * @typedef {{ head: string, groups: string, reads: string, verbs: Blocks, commands: Blocks, options: Blocks,
 *   'options-of-reads': Blocks, values: Blocks, kinds: Blocks, operands: Blocks, repeats: string, stdin: string,
 *   hidden?: string, overrides: Blocks, sets: Record<string, string | Blocks> }} Judgement
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
  /** @param {Blocks} source */
  constructor(source) {
    const rules = Object.entries(source).flatMap(([result, block]) =>
      globsOf(block).map((glob) => {
        const [, path, name = ''] = /^(?:(.*?): )?(.*)$/.exec(glob) ?? [];
        return { result, path: path === undefined ? null : toRegExp(path), name: toRegExp(name), glob };
      }),
    );
    this.placed = rules.filter(({ path }) => path !== null);
    this.general = rules.filter(({ path }) => path === null);
    /** @type {Set<object>} */
    this.used = new Set();
  }

  /**
   * @param {string} path of the command
   * @param {string[]} names by which the thing is known
   * @returns {string | undefined}
   */
  find(path, names) {
    const rule =
      this.placed.find((each) => each.path?.test(path) === true && names.some((name) => each.name.test(name))) ??
      this.general.find((each) => names.some((name) => each.name.test(name)));
    if (rule !== undefined) this.used.add(rule);
    return rule?.result;
  }

  /** Rules that decided nothing: most likely they are misspelt. */
  unused() {
    return [...this.placed, ...this.general].filter((rule) => !this.used.has(rule)).map(({ glob }) => glob);
  }
}

/**
 * The globs of a block: separated by commas and line ends; `# ...` is a comment.
 * @param {string} block
 * @returns {string[]}
 */
function globsOf(block) {
  return block
    .split('\n')
    .flatMap((line) => line.replace(/(^|\s)# .*$/, '').split(','))
    .map((glob) => glob.trim())
    .filter((glob) => glob !== '');
}

/**
 * @param {string} glob
 * @returns {RegExp}
 */
function toRegExp(glob) {
  return new RegExp(`^${glob.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`);
}

/**
 * @param {string} name of the tool
 * @returns {Judgement}
 */
export function readJudgement(name) {
  return parse(readFileSync(new URL(`${name}.judgement.yaml`, import.meta.url), 'utf8'));
}

/** The judgement about one tool, asked. */
class Judge {
  /** @param {Judgement} source */
  constructor(source) {
    this.groups = globsOf(source.groups);
    this.reads = globsOf(source.reads);
    this.kinds = source.kinds;
    this.rules = {
      verbs: new Rules(source.verbs),
      commands: new Rules(source.commands),
      options: new Rules(source.options),
      'options-of-reads': new Rules(source['options-of-reads']),
      values: new Rules(source.values),
      operands: new Rules(source.operands),
      repeats: new Rules({ repeats: source.repeats }),
      stdin: new Rules({ stdin: source.stdin }),
      overrides: new Rules(source.overrides),
    };
    /** Options of reads that no rule knows, each with a command that has it. @type {Map<string, string>} */
    this.unknown = new Map();
  }

  /**
   * How much of a command's group is taken: the longest path in the judgement decides.
   * @param {string} path
   * @returns {'all' | 'reads' | 'none'}
   */
  taken(path) {
    const longest = (/** @type {string[]} */ list) =>
      Math.max(0, ...list.filter((group) => `${path} `.startsWith(`${group} `)).map((group) => group.length));
    const [all, reads] = [longest(this.groups), longest(this.reads)];
    if (all === 0 && reads === 0) return 'none';
    return all > reads ? 'all' : 'reads';
  }

  /**
   * @param {string} path
   * @returns {string}
   */
  classOf(path) {
    return (
      this.rules.commands.find('', [path]) ?? this.rules.verbs.find('', [path.split(' ').at(-1) ?? '']) ?? 'mutates'
    );
  }

  /**
   * @param {string} path
   * @param {RawOption} option
   * @param {string} commandClass
   * @returns {string}
   */
  optionClass(path, { names, kind }, commandClass) {
    const judged = this.rules.options.find(path, names);
    if (judged !== undefined) return judged;
    if (kind === 'file') return 'reads-file';
    if (commandClass !== 'safe') return 'mutates';
    const ofReads = this.rules['options-of-reads'].find(path, names);
    if (ofReads === undefined) this.unknown.set(names.at(-1) ?? '', path);
    return ofReads ?? 'mutates';
  }

  /**
   * The type of an option's value: by what is judged of its name, else by what the model says.
   * @param {string} path
   * @param {RawOption} option
   * @param {string} optionClass
   * @returns {string}
   */
  typeOf(path, { names, kind }, optionClass) {
    const judged = this.rules.values.find(path, names);
    if (judged !== undefined) return judged;
    if (optionClass === 'reads-file') return 'file';
    if (optionClass === 'writes-file') return 'outfile';
    return this.kinds[optionClass === 'safe' ? `safe ${kind}` : kind] ?? 'word';
  }

  /**
   * @param {string} path
   * @param {RawOption} option
   * @param {string} commandClass
   * @returns {OptionEntry}
   */
  option(path, option, commandClass) {
    const optionClass = this.optionClass(path, option, commandClass);
    const type = option.arity === 'switch' ? '' : this.typeOf(path, option, optionClass);
    const value = { switch: '', required: ` <${type}>`, optional: ` [<${type}>]`, many: ` <${type}>...` }[option.arity];
    const overridden = this.rules.overrides.find(path, option.names);
    const marks = [
      ...(this.rules.repeats.find(path, option.names) === undefined ? [] : ['repeats']),
      ...(option.negatable === true ? ['negatable'] : []),
      ...(this.rules.stdin.find(path, option.names) === undefined ? [] : ['stdin']),
      ...(overridden === undefined ? [] : [`overrides ${overridden}`]),
    ];
    const flags = marks.length === 0 ? '' : ` (${marks.join(', ')})`;
    return { names: option.names, line: `${option.names.join(', ')}${value}${flags}`, class: optionClass };
  }

  /**
   * @param {RawCommand} command
   * @param {string} commandClass
   * @returns {{ operands: string, program: boolean }}
   */
  operands({ path, operands }, commandClass) {
    /** @type {string[]} */
    const parts = [];
    let program = false;
    for (const { name, form } of operands) {
      const judged = this.rules.operands.find(path, [name]);
      if (form === 'program' && judged === undefined) {
        program = true;
        continue;
      }
      // what follows one that may stand several times (cp SOURCE... DESTINATION) is of the same type
      if (parts.at(-1)?.includes('...') === true) continue;
      const type = judged ?? this.kinds[commandClass === 'safe' ? 'safe other' : 'other'] ?? 'word';
      parts.push(
        { one: `<${type}>`, optional: `[<${type}>]`, many: `[<${type}>...]`, program: `[<${type}>...]` }[form],
      );
    }
    return { operands: parts.join(' '), program };
  }

  /**
   * @param {RawCommand} command
   * @returns {CommandEntry | undefined} undefined for one that is left out
   */
  command(command) {
    const how = this.taken(command.path);
    const commandClass = this.classOf(command.path);
    if (how === 'none' || (how === 'reads' && commandClass !== 'safe')) return undefined;
    const options = once(command.options).map((option) => this.option(command.path, option, commandClass));
    return { path: command.path, class: commandClass, ...this.operands(command, commandClass), options };
  }
}

/**
 * Options that share a name are one, that with the most names.
 * @param {RawOption[]} options
 * @returns {RawOption[]}
 */
function once(options) {
  /** @type {Set<string>} */
  const seen = new Set();
  return [...options]
    .sort((a, b) => b.names.length - a.names.length)
    .filter(({ names }) => {
      const fresh = names.every((name) => !seen.has(name));
      for (const name of names) seen.add(name);
      return fresh;
    });
}

/**
 * @param {OptionEntry} option
 * @returns {string}
 */
const keyOf = (option) => `${option.class} ${option.line}`;

/**
 * @param {OptionEntry[]} options
 * @returns {string} a YAML mapping on one line
 */
function optionMapping(options) {
  const classes = CLASSES.flatMap((each) => {
    const lines = options.filter((option) => option.class === each).map(({ line }) => line);
    return lines.length === 0 ? [] : [`${each}: "${lines.sort(byText).join('\\n')}"`];
  });
  return `{${classes.join(', ')}}`;
}

/**
 * @param {string} a
 * @param {string} b
 * @returns {number}
 */
function byText(a, b) {
  return a < b ? -1 : Number(a > b);
}

/**
 * Options that are in one of the judgement's sets are given by its name; the rest stays.
 * @param {CommandEntry} command
 * @param {{ name: string, keys: Set<string> }[]} sets
 * @returns {{ command: CommandEntry, include: string[], rest: OptionEntry[] }}
 */
function withSets(command, sets) {
  /** @type {string[]} */
  const include = [];
  let rest = command.options;
  for (const { name, keys } of sets) {
    const mine = new Set(rest.map(keyOf));
    if (![...keys].every((key) => mine.has(key))) continue;
    include.push(name);
    rest = rest.filter((option) => !keys.has(keyOf(option)));
  }
  return { command, include, rest };
}

/**
 * What several commands have left in common becomes a set of its own, where that is shorter.
 * @param {{ rest: OptionEntry[] }[]} rows
 * @returns {Map<string, string>} names by mapping
 */
function sharedSets(rows) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { rest } of rows) counts.set(optionMapping(rest), (counts.get(optionMapping(rest)) ?? 0) + 1);
  const worth = [...counts].filter(
    ([mapping, count]) => mapping.length > 24 && (count - 1) * (mapping.length - 8) > 40,
  );
  return new Map(worth.map(([mapping], index) => [mapping, `o${index + 1}`]));
}

/**
 * Writes the sets and commands of a profile: one line each.
 * @param {CommandEntry[]} commands
 * @param {Judgement['sets']} sets
 * @returns {string}
 */
function render(commands, sets) {
  const given = Object.entries(sets).map(([name, blocks]) => {
    const options = Object.entries(typeof blocks === 'string' ? { safe: blocks } : blocks).flatMap(([each, block]) =>
      block
        .trim()
        .split('\n')
        .map((line) => ({ names: [], line, class: each })),
    );
    return { name, options, keys: new Set(options.map(keyOf)) };
  });
  const rows = commands.map((command) => withSets(command, given));
  const shared = sharedSets(rows);
  const used = new Set(rows.flatMap(({ include }) => include));
  const setLines = [
    ...given.filter(({ name }) => used.has(name)).map(({ name, options }) => ` ${name}: ${optionMapping(options)}`),
    ...[...shared].map(([mapping, name]) => ` ${name}: ${mapping}`),
  ];
  const lines = rows.map(({ command, include, rest }) => {
    const mapping = optionMapping(rest);
    const name = shared.get(mapping);
    const names = name === undefined ? include : [...include, name];
    const fields = [
      `class: ${command.class}`,
      ...(command.operands === '' ? [] : [`operands: "${command.operands}"`]),
      ...(command.program ? ['after-dashes: program'] : []),
      ...(names.length === 0 ? [] : [`include: [${names.join(', ')}]`]),
      ...(name !== undefined || rest.length === 0 ? [] : [`options: ${mapping}`]),
    ];
    return ` ${command.path}: {${fields.join(', ')}}`;
  });
  return `sets:\n${setLines.join('\n')}\ncommands:\n${lines.join('\n')}\n`;
}

/**
 * Groups can be run as well: they print their help.
 * @param {CommandEntry[]} commands
 * @returns {CommandEntry[]}
 */
function groupsOf(commands) {
  const known = new Set(commands.map(({ path }) => path));
  const above = commands.flatMap(({ path }) => {
    const words = path.split(' ');
    return words.slice(1).map((_, index) => words.slice(0, index + 1).join(' '));
  });
  const groups = [...new Set(above)].filter((path) => !known.has(path));
  return groups.map((path) => ({ path, class: 'safe', operands: '', program: false, options: [] }));
}

/**
 * Writes src/profiles/TOOL.yaml, and what somebody who changes the judgement wants to know.
 * @param {string} tool
 * @param {string} version of the tool
 * @param {RawCommand[]} commands
 * @returns {void}
 */
export function makeProfile(tool, version, commands) {
  const source = readJudgement(tool);
  const judge = new Judge(source);
  const taken = commands.flatMap((command) => judge.command(command) ?? []);
  const text = `${source.head.replace('VERSION', version).trimEnd()}\n${render([...groupsOf(taken), ...taken], source.sets)}`;
  writeFileSync(new URL(`../../src/profiles/${tool}.yaml`, import.meta.url), text);
  for (const [name, path] of judge.unknown) console.log(`of a read, without a class: ${name} (${path})`);
  for (const [name, rules] of Object.entries(judge.rules))
    for (const glob of rules.unused()) console.log(`rule without use: ${name}: ${glob}`);
  const reads = taken.filter((command) => command.class === 'safe').length;
  console.log(`${tool}: ${taken.length} commands, ${reads} of them reads; ${text.length} bytes`);
}
