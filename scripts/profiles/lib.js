// Reading completion specs of the npm package @withfig/autocomplete.
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
