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
 *   subcommands?: Command[], loadSpec?: unknown, generateSpec?: unknown }} Command
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
  if (command.generateSpec) missing(path, 'further commands are found when the tool runs');
  const below = [...above, command];
  for (const child of command.subcommands ?? []) {
    if (below.includes(child)) continue;
    const childPath = [...path, /** @type {string} */ (many(child.name)[0])];
    let whole = child;
    if (typeof child.loadSpec === 'string') {
      try {
        whole = { ...(await readSpec(folder, child.loadSpec)), name: child.name };
      } catch {
        missing(childPath, `its spec ${child.loadSpec} is not in the package`);
      }
    } else if (child.loadSpec && typeof child.loadSpec === 'object') {
      whole = { .../** @type {Command} */ (child.loadSpec), name: child.name };
    } else if (child.loadSpec) {
      missing(childPath, 'its spec is found when the tool runs');
    }
    await walk(folder, whole, visit, missing, childPath, below);
  }
}

/**
 * The value of an option as the facts and the profiles write it.
 * @param {Arg | Arg[] | undefined} args
 * @returns {string} '' for a switch
 */
export const arity = (args) =>
  many(args)
    .map((arg) => (arg.isOptional ? '[<value>]' : '<value>') + (arg.isVariadic ? '...' : ''))
    .join(' ');
