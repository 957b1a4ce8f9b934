/** The schemas of policies and profiles for others: editors read them as JSON Schema, people as the reference pages. */
import * as z from 'zod';
import { profileSchema } from './profile/profile-schema.ts';
import { NOT_IN_THIS_VERSION, policySchema } from './schema.ts';

/** The schema as JSON Schema draft 7, which editors understand: what a file may hold, before defaults are filled in. */
export function policyJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(policySchema, { io: 'input', target: 'draft-7' });
  return { ...schema, title: 'Carapace policy' };
}

/** The same of a profile. */
export function profileJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(profileSchema, { io: 'input', target: 'draft-7' });
  return { ...schema, title: 'Carapace profile' };
}

/** The parts of JSON Schema that our schema comes out as. */
interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly required?: readonly string[];
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
}

const HEAD = `# Policy reference

Generated from the schema by \`carapace policy schema --reference\`; do not edit. How rules decide is in
[how-decisions-are-made.md](how-decisions-are-made.md), and for servers in [http.md](http.md).

A policy is a YAML file, \`policies/NAME.yaml\`. Unknown keys, duplicate keys, aliases and tags are errors. Values that may be\nwritten in several forms have a table for each; a form that was told above is not told again.
`;

const PROFILE_HEAD = `# Profile reference

Generated from the schema by \`carapace policy schema --profile --reference\`; do not edit. How to write a profile is in
[writing-profiles.md](writing-profiles.md).

A profile is a YAML file: one of those that come with Carapace, or \`policies/profiles/NAME.yaml\`. Unknown keys, duplicate
keys, aliases and tags are errors.
`;

/** The reference page of profiles. */
export function profileReference(): string {
  const root = profileJsonSchema() as SchemaNode;
  const sections = [PROFILE_HEAD, section('The file', root)];
  for (const [key, node] of Object.entries(root.properties ?? {})) {
    for (const { title, form } of nestedForms(key, node)) sections.push(section(`\`${title}\``, form));
  }
  return sections.join('\n');
}

/** Every mapping below a key, by the path that leads to it. */
function nestedForms(title: string, node: SchemaNode): { title: string; form: SchemaNode }[] {
  const { properties, items, additionalProperties: values } = node;
  return [
    ...(properties === undefined ? [] : [{ title, form: node }]),
    ...Object.entries(properties ?? {}).flatMap(([key, value]) => nestedForms(`${title}.${key}`, value)),
    ...alternatives(node).flatMap((each) => nestedForms(title, each)),
    ...(items === undefined ? [] : nestedForms(`${title}[]`, items)),
    ...(typeof values === 'object' ? nestedForms(`${title}.NAME`, values) : []),
  ];
}

/** The reference page: every key with its type, whether it must be there, and what it means. */
export function policyReference(): string {
  const root = policyJsonSchema() as SchemaNode;
  const tools = root.properties?.['tools']?.additionalProperties;
  const [cli, http] = typeof tools === 'object' ? (tools.oneOf ?? []) : [];
  const sections: string[] = [HEAD, section('The file', root)];
  const told = new Set<string>();
  sections.push(...toolSections('cli', cli, told), ...toolSections('http', http, told));
  const later = Array.from(NOT_IN_THIS_VERSION, (word) => `\`${word}\``).sort();
  sections.push(`## Not in this version\n\nRefused by name when a policy is loaded: ${later.join(', ')}.\n`);
  return sections.join('\n');
}

/** A type of tools, and its nested forms; what it has in common with one before it (`told`) is told once. */
function toolSections(type: string, tool: SchemaNode = {}, told: Set<string>): string[] {
  const forms = nestedForms('', { properties: tool.properties ?? {} }).slice(1);
  const isFirst = told.size === 0;
  const sections = forms.flatMap(({ title, form }) => {
    const text = JSON.stringify(form.properties);
    if (!isFirst && told.has(text)) return [];
    told.add(text);
    return [section(`\`${title.slice(1)}\`${isFirst ? '' : ` (${type})`}`, form)];
  });
  return [section(`\`tools.NAME\`, with \`type: ${type}\``, tool), ...sections];
}

function section(title: string, node: SchemaNode): string {
  const rows = Object.entries(node.properties ?? {}).map(([key, value]) => {
    const required = node.required?.includes(key) === true ? 'yes' : '';
    return `| \`${key}\` | ${typeOf(value)} | ${required} | ${value.description ?? ''} |`;
  });
  return ['## ' + title, '', '| key | value | required | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function alternatives(node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf ?? node.oneOf ?? [];
}

function typeOf(node: SchemaNode): string {
  const several = alternatives(node);
  if (several.length > 0) return several.map(typeOf).join(' or ');
  const values = node.enum ?? (node.const === undefined ? undefined : [node.const]);
  if (values !== undefined) return values.map((value) => `\`${JSON.stringify(value).replaceAll('"', '')}\``).join(', ');
  if (node.type === 'array') return `list of ${typeOf(node.items ?? {})}`;
  if (node.type === 'integer') return `whole number${rangeOf(node)}`;
  return TYPE_NAMES.get(node.type ?? '') ?? 'any';
}

const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['object', 'mapping'],
  ['string', 'text'],
  ['number', 'number'],
  ['boolean', '`true`, `false`'],
  ['null', '`null`'],
]);

function rangeOf({ minimum, maximum }: SchemaNode): string {
  if (minimum === undefined) return '';
  return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
    ? `, at least ${minimum}`
    : `, ${minimum} to ${maximum}`;
}
