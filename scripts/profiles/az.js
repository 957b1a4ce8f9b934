// Writes src/profiles/az.yaml from the completion specs of az and from az.judgement.yaml.
// Usage: node scripts/profiles/az.js UNPACKED_PACKAGE
import { arity, checkPackage, many, readSpec, walk } from './lib.js';
import { makeProfile } from './make-profile.js';

/**
 * @typedef {import('./lib.js').Option} Option
 * @typedef {import('./make-profile.js').RawCommand} RawCommand
 * @typedef {import('./make-profile.js').RawOption} RawOption
 */

const AZ = '2.53.0';
const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node scripts/profiles/az.js UNPACKED_PACKAGE');
  process.exit(2);
}
checkPackage(folder);

/**
 * The catalogue has no types and says nowhere that an option takes several values. Its descriptions do.
 * @param {Option} option
 * @returns {RawOption}
 */
function rawOption({ name, args, description = '' }) {
  const names = many(name)
    .map((each) => each.replace(/[, ].*$/, '')) // some are misspelt: `--api,`
    .filter((each) => each.startsWith('-'))
    .sort((a, b) => a.length - b.length);
  if (arity(args) === '') return { names, arity: 'switch', kind: 'switch' };
  const kind = /shorthand|(json|yaml)[- ](file|string)|json|@\{?file|path|script/i.test(description) ? 'data' : 'other';
  if (names.includes('--no-wait')) return { names, arity: 'optional', kind };
  const several = /space[- ]?(separated|delimited)|separated by (a )?spaces?|\[KEY=VALUE/i.test(description);
  return { names, arity: several ? 'many' : 'required', kind };
}

/** @type {RawCommand[]} */
const commands = [];
const spec = await readSpec(folder, `az/${AZ}`);
await walk(folder, spec, (words, { args, options = [], subcommands = [] }) => {
  if (words.length === 0 || subcommands.length > 0) return;
  const operands = many(args).map(({ name = '' }) => ({
    name: name.replace(/[<>]/g, ''),
    form: /** @type {const} */ ('many'),
  }));
  // that is an option of the tool itself
  const own = options.map(rawOption).filter(({ names }) => names.join() !== '--subscription');
  commands.push({ path: words.join(' '), options: own, operands });
});
makeProfile('az', AZ, commands);
