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
 * @typedef {{ operations: Record<string, Operation>, shapes: Record<string, Shape> }} Model
 * @typedef {{ input_token: string | string[], limit_key?: string }} Paginator
 *
 * `switch`: takes no value. `one`: one value. `optional`: one or none. `many`: all that follows, up to the next option.
 * @typedef {{ arity: 'switch' | 'one' | 'optional' | 'many', type: string }} Option
 *
 * One operation, or one waiter (`wait instance-running`), as the CLI has it. `prints`: names of all members that its
 * answer may hold, at any depth, each with the type of its shape.
 * @typedef {{ name: string, options: Map<string, Option>, outfile: boolean, prints: Map<string, Set<string>> }} Command
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
 * @param {string} folder of models
 * @param {string} service
 * @returns {{ model: Model, paginators: Record<string, Paginator>, waiters: Record<string, { operation: string }> }}
 */
function readService(folder, service) {
  const latest = readdirSync(join(folder, service)).sort().at(-1) ?? '';
  const read = (/** @type {string} */ name) => readJson(join(folder, service, latest, name));
  const model = read('service-2.json');
  if (model === undefined) throw new Error(`${folder}: no model of ${service}`);
  const added = read('service-2.sdk-extras.json')?.merge.shapes ?? {};
  for (const [name, { members }] of Object.entries(added)) Object.assign(model.shapes[name]?.members ?? {}, members);
  const paginators = read('paginators-1.json')?.pagination ?? {};
  const extras = read('paginators-1.sdk-extras.json')?.merge.pagination ?? {};
  for (const [name, extra] of Object.entries(extras)) paginators[name] = { ...paginators[name], ...extra };
  return {
    model,
    paginators,
    waiters: read('waiters-2.json')?.waiters ?? {},
  };
}

/**
 * @param {Model} model
 * @param {Ref} ref
 * @returns {Option}
 */
function optionOf({ shapes }, ref) {
  const shape = shapes[ref.shape] ?? { type: 'string' };
  const isStructured = (/** @type {Ref | undefined} */ { shape: name } = { shape: '' }) =>
    ['structure', 'map', 'list'].includes(shapes[name]?.type ?? '');
  switch (shape.type) {
    case 'boolean':
      return { arity: 'switch', type: '' };
    case 'list':
      return { arity: 'many', type: isStructured(shape.member) ? 'data' : 'value' };
    case 'structure':
    case 'map':
      return { arity: 'one', type: 'data' };
    case 'integer':
    case 'long':
      return { arity: 'one', type: 'integer' };
    case 'blob':
      // what is streamed is named by its path, without file://
      return { arity: 'one', type: shape.streaming === true || ref.streaming === true ? 'upload' : 'value' };
    default:
      return { arity: 'one', type: 'value' };
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
  const members = model.shapes[operation.input?.shape ?? '']?.members ?? {};
  for (const [name, ref] of Object.entries(members)) {
    const option = optionOf(model, ref);
    options.set(dashed(name), option);
    if (option.arity === 'switch') options.set(`no-${dashed(name)}`, option);
  }
  if (paginator === undefined) return options;
  // the CLI's own paging; that of the service is still known, though no longer documented
  const limit = members[paginator.limit_key ?? ''];
  const type = limit === undefined ? 'integer' : optionOf(model, limit).type;
  options.set('starting-token', { arity: 'one', type: 'value' });
  if (paginator.limit_key !== undefined) options.set('page-size', { arity: 'one', type });
  options.set('max-items', { arity: 'one', type });
  return options;
}

/**
 * @param {Model} model
 * @param {Ref | undefined} output
 * @returns {Map<string, Set<string>>}
 */
function printsOf({ shapes }, output) {
  /** @type {Map<string, Set<string>>} */
  const prints = new Map();
  const seen = new Set();
  const visit = (/** @type {Ref | undefined} */ ref) => {
    const shape = ref === undefined || seen.has(ref.shape) ? undefined : shapes[ref.shape];
    if (ref === undefined || shape === undefined) return;
    seen.add(ref.shape);
    for (const [name, member] of Object.entries(shape.members ?? {})) {
      prints.set(name, (prints.get(name) ?? new Set()).add(shapes[member.shape]?.type ?? ''));
      visit(member);
    }
    visit(shape.member);
    visit(shape.value);
  };
  visit(output);
  return prints;
}

/**
 * @param {Model} model
 * @param {Operation} operation
 * @returns {boolean} its answer is written to a file
 */
function hasOutfile({ shapes }, { output }) {
  const shape = shapes[output?.shape ?? ''];
  const payload = shape?.members?.[shape.payload ?? ''];
  return shapes[payload?.shape ?? '']?.type === 'blob';
}

/**
 * The commands that the CLI makes of one service, before its customisations.
 * @param {string} folder of models
 * @param {string} service
 * @returns {Command[]}
 */
export function commandsOf(folder, service) {
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
    commands.push({ name: `wait ${dashed(name)}`, options, outfile: false, prints: new Map() });
  }
  return commands;
}
