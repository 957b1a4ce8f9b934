// Reads the service models of botocore, which AWS CLI v2 makes its commands of, as facts about a command line.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/**
 * The parts of a model that are facts about a command line.
 * @typedef {{ shape: string, location?: string, streaming?: boolean }} Ref
 * @typedef {{ type: string, members?: Record<string, Ref>, member?: Ref, value?: Ref, streaming?: boolean,
 *   eventstream?: boolean, payload?: string }} Shape
 * @typedef {{ name: string, input?: Ref, output?: Ref, deprecated?: boolean }} Operation
 * @typedef {{ metadata: { endpointPrefix: string }, operations: Record<string, Operation>, shapes: Record<string, Shape> }} Model
 * @typedef {{ input_token: string | string[], limit_key?: string }} Paginator
 *
 * `switch`: takes no value. `one`: one value. `optional`: one or none. `many`: all that follows, up to the next option.
 * @typedef {{ arity: 'switch' | 'one' | 'optional' | 'many', type: string }} Option
 *
 * One operation, or one waiter (`wait instance-running`), as the CLI has it. `prints`: all members that its answer may
 * hold, at any depth, by their names and as `NAME:TYPE`.
 * @typedef {{ name: string, options: Map<string, Option>, outfile: boolean, prints: Set<string> }} Command
 */

/** Where Debian, the official installer, pip and pyenv put the models; the first that is there is taken. */
const PLACES = [
  '/usr/lib/python3/dist-packages/awscli/botocore/data',
  '/usr/local/aws-cli/v2/current/dist/awscli/botocore/data',
  '/usr/lib/python3/dist-packages/botocore/data',
  '/usr/local/lib/python3*/site-packages/botocore/data',
  join(homedir(), '.pyenv/versions/*/lib/python3*/site-packages/botocore/data'),
];

/**
 * @param {string} place a path, some parts of which may be a `*`
 * @returns {string[]} the folders that are there
 */
function foldersAt(place) {
  const star = /^(.*?\/)([^/]*\*[^/]*)(.*)$/.exec(place);
  if (star === null) return existsSync(place) ? [place] : [];
  const [, above = '', glob = '', below = ''] = star;
  const begins = glob.split('*', 1)[0] ?? '';
  const names = existsSync(above) ? readdirSync(above).filter((name) => name.startsWith(begins)) : [];
  return names.sort().flatMap((name) => foldersAt(join(above, name) + below));
}

/** @returns {string[]} all folders of models on this machine */
export const findModels = () => PLACES.flatMap(foldersAt);

/**
 * @param {string} folder of models
 * @returns {string} the version of botocore that they came with
 */
export function versionOf(folder) {
  const text = readFileSync(join(folder, '..', '__init__.py'), 'utf8');
  return /^__version__ = '([^']+)'/m.exec(text)?.[1] ?? 'unknown';
}

/**
 * @param {string} path without `.gz`
 * @returns {any} undefined: there is no such file
 */
function readJson(path) {
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'));
  return existsSync(`${path}.gz`) ? JSON.parse(gunzipSync(readFileSync(`${path}.gz`)).toString()) : undefined;
}

/** Words that the CLI does not cut at their capitals (botocore, `_xform_cache`). */
const WHOLE_WORDS = { PartiQL: 'Partiql', OTel: 'Otel', WhatsApp: 'Whatsapp', iSCSI: 'Iscsi', HITsFor: 'HitsFor' };

/**
 * The name that the CLI makes of a name in a model: `DescribeDBInstances` is `describe-db-instances` (botocore,
 * `xform_name`).
 * @param {string} name
 * @returns {string}
 */
export function dashed(name) {
  if (name.includes('-')) return name;
  const plain = Object.entries(WHOLE_WORDS).reduce((text, [word, whole]) => text.replace(word, whole), name);
  // a plural of capitals is one word: ARNs
  const plural = /[A-Z]{2,}s$/.exec(plain)?.[0] ?? '';
  const start = plain.slice(0, plain.length - plural.length);
  const whole = plural === '' ? start : `${start}-${plural.toLowerCase()}`;
  return whole
    .replace(/(.)([A-Z][a-z]+)/g, '$1-$2')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase();
}

/**
 * Adds what botocore has by hand beside its models.
 * @param {Record<string, any>} into
 * @param {Record<string, any>} [extras]
 * @returns {void}
 */
function extend(into, extras = {}) {
  for (const [name, extra] of Object.entries(extras)) Object.assign(into[name] ?? {}, extra);
}

/**
 * @param {string} folder of models
 * @param {string} service
 * @returns {{ model: Model, paginators: Record<string, Paginator>, waiters: Record<string, { operation: string }> }}
 */
function readService(folder, service) {
  const latest = readdirSync(join(folder, service)).sort().at(-1) ?? '';
  const read = (/** @type {string} */ name) => readJson(join(folder, service, latest, name)) ?? {};
  const model = read('service-2.json');
  const { pagination: paginators = {} } = read('paginators-1.json');
  const { waiters = {} } = read('waiters-2.json');
  extend(paginators, read('paginators-1.sdk-extras.json').merge?.pagination);
  const { shapes = {} } = read('service-2.sdk-extras.json').merge ?? {};
  for (const [name, { members = {} }] of Object.entries(shapes))
    Object.assign(model.shapes[name].members ?? {}, members);
  return { model, paginators, waiters };
}

/**
 * @param {Model} model
 * @param {Ref | undefined} ref
 * @returns {Shape}
 */
const shapeOf = ({ shapes }, ref) => shapes[ref?.shape ?? ''] ?? { type: 'string' };

/** @param {Option} option */
const isBoolean = ({ arity }) => arity === 'switch' || arity === 'optional';

/**
 * EC2's `{"Value": true}`, for which the CLI has `--NAME` and `--no-NAME` (awscli, toplevelbool.py).
 * @param {Model} model
 * @param {Shape} shape
 * @returns {boolean}
 */
function isAttribute(model, { members = {} }) {
  const isSwitch = Object.keys(members).join() === 'Value' && shapeOf(model, members['Value']).type === 'boolean';
  return isSwitch && model.metadata.endpointPrefix === 'ec2';
}

/** Types of values by types of shapes; of all others it is `v`. A structure is shorthand or JSON. */
const TYPES = /** @type {Record<string, string>} */ ({
  structure: 'd',
  map: 'd',
  list: 'd',
  integer: 'integer',
  long: 'integer',
});

/**
 * @param {Model} model
 * @param {Ref} ref
 * @returns {Option}
 */
function optionOf(model, ref) {
  const shape = shapeOf(model, ref);
  const type = TYPES[shape.type] ?? 'v';
  switch (shape.type) {
    case 'boolean':
      return { arity: 'switch', type: '' };
    case 'list':
      return { arity: 'many', type: TYPES[shapeOf(model, shape.member).type] === 'd' ? 'd' : 'v' };
    case 'blob':
      // what is streamed is named by its path, without file://
      return { arity: 'one', type: shape.streaming === true || ref.streaming === true ? 'upload' : type };
    default:
      return { arity: isAttribute(model, shape) ? 'optional' : 'one', type };
  }
}

/**
 * @param {Model} model
 * @param {Operation} operation
 * @param {Paginator | undefined} paginator
 * @returns {Map<string, Option>}
 */
function optionsOf(model, operation, paginator) {
  /** @type {Map<string, Option>} */
  const options = new Map();
  for (const [name, ref] of Object.entries(shapeOf(model, operation.input).members ?? {})) {
    const option = optionOf(model, ref);
    options.set(dashed(name), option);
    if (isBoolean(option)) options.set(`no-${dashed(name)}`, { arity: 'switch', type: '' });
  }
  return paginator === undefined ? options : withPaging(options, paginator);
}

/**
 * The CLI's own paging; that of the service is still known, though no longer documented.
 * @param {Map<string, Option>} options
 * @param {Paginator} paginator
 * @returns {Map<string, Option>}
 */
function withPaging(options, { limit_key: key }) {
  const limit = key === undefined ? undefined : options.get(dashed(key));
  options.set('starting-token', { arity: 'one', type: 'v' });
  if (limit !== undefined) options.set('page-size', { arity: 'one', type: limit.type });
  return options.set('max-items', { arity: 'one', type: limit?.type ?? 'integer' });
}

/**
 * @param {Model} model
 * @param {Ref | undefined} output
 * @returns {Set<string>}
 */
function printsOf(model, output) {
  /** @type {Set<string>} */
  const prints = new Set();
  const seen = new Set();
  const visit = (/** @type {Ref | undefined} */ ref) => {
    if (ref === undefined || seen.has(ref.shape)) return;
    seen.add(ref.shape);
    const { members = {}, member, value } = shapeOf(model, ref);
    for (const [name, each] of Object.entries(members)) {
      prints.add(name).add(`${name}:${shapeOf(model, each).type}`);
      visit(each);
    }
    visit(member);
    visit(value);
  };
  visit(output);
  return prints;
}

/**
 * @param {Model} model
 * @param {Operation} operation
 * @returns {boolean} its answer is written to a file
 */
function hasOutfile(model, { output }) {
  const { payload, members = {} } = shapeOf(model, output);
  return payload !== undefined && shapeOf(model, members[payload]).type === 'blob';
}

/**
 * The commands that the CLI makes of one service, before its customisations.
 * @param {string} folder of models
 * @param {string} service
 * @returns {Command[]} none of a service that is not there
 */
export function commandsOf(folder, service) {
  if (!existsSync(join(folder, service))) return [];
  const { model, paginators, waiters } = readService(folder, service);
  /** @type {Command[]} */
  const commands = [];
  for (const [name, operation] of Object.entries(model.operations)) {
    commands.push({
      name: dashed(name),
      options: optionsOf(model, operation, paginators[name]),
      outfile: hasOutfile(model, operation),
      prints: printsOf(model, operation.output),
    });
  }
  for (const [name, { operation: by }] of Object.entries(waiters)) {
    const operation = model.operations[by];
    if (operation === undefined) continue;
    const options = optionsOf(model, operation, paginators[by]);
    commands.push({ name: `wait ${dashed(name)}`, options, outfile: false, prints: new Set() });
  }
  return commands;
}
