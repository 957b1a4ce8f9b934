// Prints the facts of a tool that is installed here, read from its own help: what facts.js writes, from a newer source.
// For tools built with cobra (kubectl, helm, docker). It runs the tool, with `--help` only.
// Usage: node scripts/profiles/help.js TOOL
import { spawnSync } from 'node:child_process';

const [tool] = process.argv.slice(2);
if (tool === undefined) {
  console.error('usage: node scripts/profiles/help.js TOOL');
  process.exit(2);
}

/** Two ways to print an option: `-o, --output=''` over its description, or `-o, --output string` beside it. */
const KUBECTL = /^ {4}(?<names>-[^\n=]*)=(?<value>[^\n]*):$/gm;
const COBRA = /^ {2,6}(?<names>(?:-\w, )?--[\w-]+)(?: (?<value>[a-z]\w*))?(?: {2}|$)/gm;

/** @type {(path: string[]) => string} */
const helpOf = (path) => spawnSync(tool, [...path, '--help'], { encoding: 'utf8' }).stdout;

/** @type {(names: string | undefined, takesValue: boolean) => string} */
const factOf = (names, takesValue) => `${names}${takesValue ? ' <value>' : ''}`;

/** @type {(help: string) => string[]} */
function optionsOf(help) {
  const sections = help.split(/^(?=\S.*:$)/m).filter((section) => /^[^\n]*(?:Options|Flags):/.test(section));
  return sections.flatMap((section) => {
    const defaults = [...section.matchAll(KUBECTL)].map(({ groups: { names, value } = {} }) =>
      factOf(names, value !== 'true' && value !== 'false'),
    );
    if (defaults.length > 0) return defaults;
    return [...section.matchAll(COBRA)].map(({ groups: { names, value } = {} }) => factOf(names, value !== undefined));
  });
}

/** @type {(help: string) => string[]} */
function commandsOf(help) {
  const sections = help.split(/^(?=\S.*:$)/m).filter((section) => /^[^\n]*Commands?\b[^\n]*:/.test(section));
  return sections.flatMap((section) =>
    [...section.matchAll(/^ {2}([a-z][\w-]*)\*? {2,}\S/gm)].map(([, name = '']) => name),
  );
}

/** @type {Set<string>} */
const facts = new Set();

/** @type {(path: string[]) => void} */
function visit(path) {
  const help = helpOf(path);
  if (path.length > 0) facts.add(path.join(' '));
  for (const option of optionsOf(help)) facts.add(`${path.join(' ')}: ${option}`);
  for (const name of commandsOf(help)) visit([...path, name]);
}

visit([]);
console.log([...facts].sort().join('\n'));
