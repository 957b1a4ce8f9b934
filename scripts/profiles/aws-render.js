// Writes sets and commands of a profile, one line each: what several commands share stands once.

/**
 * One option and one command, as a profile has them.
 * @typedef {{ line: string, class: string }} Option
 * @typedef {{ path: string, class: string, operands?: string, stdin?: string, options: Option[] }} Command
 */

/** The order in which a profile lists classes. */
const CLASSES = 'safe reads-file writes-file executes redirects prints-secret mutates exposes opens-browser needs-tty';

/** @param {Option} option */
const keyOf = (option) => `${option.class} ${option.line}`;

/**
 * @param {Option[]} options
 * @returns {string} a YAML mapping on one line
 */
function mappingOf(options) {
  const classes = CLASSES.split(' ').flatMap((each) => {
    const lines = options.filter((option) => option.class === each).map(({ line }) => line);
    return lines.length === 0 ? [] : [`${each}: "${lines.sort().join('\\n')}"`];
  });
  return `{${classes.join(', ')}}`;
}

/**
 * What is not in one of the sets that have names; and the names of those that are.
 * @param {Option[]} options
 * @param {Map<string, Option[]>} sets
 * @returns {{ include: string[], rest: Option[] }}
 */
function withoutSets(options, sets) {
  /** @type {string[]} */
  const include = [];
  let rest = options;
  for (const [name, set] of sets) {
    const keys = new Set(rest.map(keyOf));
    if (!set.every((option) => keys.has(keyOf(option)))) continue;
    include.push(name);
    const taken = new Set(set.map(keyOf));
    rest = rest.filter((option) => !taken.has(keyOf(option)));
  }
  return { include, rest };
}

/**
 * Mappings that stand several times, where a set of their own is shorter.
 * @param {string[]} mappings
 * @returns {Map<string, string>} names of sets, by mapping
 */
function sharedOf(mappings) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const mapping of mappings) counts.set(mapping, (counts.get(mapping) ?? 0) + 1);
  const saved = (/** @type {[string, number]} */ [{ length }, count]) => (count - 1) * (length - 8) - 40;
  const shared = [...counts].filter((entry) => saved(entry) > 0);
  return new Map(shared.map(([mapping], index) => [mapping, `o${index + 1}`]));
}

/**
 * @param {Command[]} commands
 * @param {Map<string, Option[]>} sets
 * @returns {string}
 */
export function render(commands, sets) {
  const rows = commands.map((command) => ({ command, ...withoutSets(command.options, sets) }));
  const shared = sharedOf(rows.map(({ rest }) => mappingOf(rest)));
  const lines = rows.map(({ command, include, rest }) => {
    const mapping = mappingOf(rest);
    const own = shared.get(mapping);
    const names = [...include, ...(own === undefined ? [] : [own])];
    const fields = [
      `class: ${command.class}`,
      ...(command.operands === undefined ? [] : [`operands: "${command.operands}"`]),
      ...(command.stdin === undefined ? [] : [`stdin: ${command.stdin}`]),
      ...(names.length === 0 ? [] : [`include: [${names.join(', ')}]`]),
      ...(own !== undefined || rest.length === 0 ? [] : [`options: ${mapping}`]),
    ];
    return ` ${command.path}: {${fields.join(', ')}}`;
  });
  const used = new Set(rows.flatMap(({ include }) => include));
  const named = [...sets].filter(([name]) => used.has(name)).map(([name, set]) => ` ${name}: ${mappingOf(set)}`);
  const numbered = [...shared].map(([mapping, name]) => ` ${name}: ${mapping}`);
  return ['sets:', ...named, ...numbered, 'commands:', ...lines, ''].join('\n');
}
