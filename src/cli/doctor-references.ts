/**
 * Checks of what policies refer to: whether a call would get its values. Only what is kept in the store and in files is
 * looked up: no program is run and no token is refreshed.
 */
import { inspectBinary } from '../engine/binary.ts';
import { MAX_VALUE_BYTES as MAX_REDACTED_BYTES } from '../engine/redact/compiled.ts';
import { resolveInjections } from '../engine/secrets/resolve-injections.ts';
import { createResolver, type Resolver } from '../engine/secrets/resolver.ts';
import type { Place } from '../model/decision.ts';
import type { Injection, Reference } from '../model/injection.ts';
import { describeReference } from '../model/injection.ts';
import { visible } from '../model/visible.ts';
import { formatPlace } from '../policy/explain.ts';
import { injectionsOf } from '../policy/injections.ts';
import type { Tool } from '../policy/policy.ts';
import { fail, type Finding, info, ok } from './doctor-finding.ts';
import { canOpen, type Host } from './doctor-host.ts';

/** Everything but `oauth2`, which is taken apart into those that it needs. */
type Source = Exclude<Reference, { kind: 'oauth2' }>;

/** What the looking needs. */
interface Looking {
  readonly resolver: Resolver;
  readonly command: Host['command'];
  /** Names of stored secrets. */
  readonly stored: ReadonlySet<string>;
  readonly canOpen: boolean;
}

/** One finding or more for each variable that a policy fills from somewhere. */
export async function references(host: Host): Promise<Finding[]> {
  const { tools, snapshot, store, command } = host;
  if (tools === null) return [info('references', 'are not checked, as the policies do not load')];
  const resolver = createResolver({ store, env: {}, credentialsDirectory: undefined });
  const stored = new Set(store.list().map(({ name }) => name));
  const looking = { resolver, command, stored, canOpen: canOpen(host) };
  const every = [...snapshot.policies.values()].flatMap((policy) => [...policy.tools.values()]);
  const findings = every.flatMap((tool) =>
    injectionsOf(tool).map(([variable, injection]) => {
      const place = formatPlace(placeOf(tool, variable));
      return variableFindings(`${visible(place, 4096)}: ${visible(variable)}`, variable, injection, looking);
    }),
  );
  return (await Promise.all(findings)).flat();
}

/** Where a value is written, as far as that is known. */
function placeOf(tool: Tool, variable: string): Place {
  return tool.type === 'cli' ? (tool.secretPlaces.get(variable) ?? tool.place) : tool.place;
}

async function variableFindings(
  subject: string,
  variable: string,
  injection: Injection,
  looking: Looking,
): Promise<Finding[]> {
  const parts = injection.parts.filter((part) => typeof part !== 'string');
  const sources = parts.flatMap(sourcesOf);
  if (sources.length === 0) return [];
  const findings = await Promise.all(sources.map((source) => sourceFinding(subject, source, looking)));
  const canRead = parts.every(({ kind }) => kind === 'file' || (kind === 'secret' && looking.canOpen));
  if (!canRead || findings.some(({ status }) => status !== 'ok')) return findings;
  // As a call would: a value may be too short, or hold what no variable can.
  const injected = await resolveInjections(new Map([[variable, injection]]), looking.resolver, 'environment');
  if (!injected.ok) return [fail(subject, injected.problem, CALLS_FAIL)];
  const tooLong = injected.redactions.find(({ value }) => value.byteLength > MAX_REDACTED_BYTES);
  if (tooLong === undefined) return findings;
  const problem = `${visible(tooLong.name)}: has more than ${MAX_REDACTED_BYTES} bytes, too many to be taken out of outputs`;
  return [fail(subject, problem, 'set `redact: false` on it if the tool may print it')];
}

function sourcesOf(reference: Reference): Source[] {
  if (reference.kind !== 'oauth2') return [reference];
  const { refresh, clientSecret } = reference;
  return [{ kind: 'secret', name: refresh }, ...(clientSecret === null ? [] : [clientSecret])];
}

const CALLS_FAIL = 'until that is mended, calls of this tool fail with 69';

/** Only the store and files are looked into. */
async function sourceFinding(subject: string, source: Source, looking: Looking): Promise<Finding> {
  const name = visible(describeReference(source), 4096);
  if (source.kind === 'env' || source.kind === 'credential')
    return info(subject, `${name}: not checked here, as only the gateway's own environment has it`);
  if (source.kind === 'command') return programFinding(subject, name, source.argv[0]);
  if (source.kind === 'secret' && !looking.stored.has(source.name))
    return fail(subject, `${name}: is not stored`, `run: ${looking.command(`secret set ${source.name}`)}`);
  if (source.kind === 'secret' && !looking.canOpen) return info(subject, `${name}: is stored, and not opened here`);
  const resolved = await looking.resolver.resolve(source);
  return resolved.ok ? ok(subject, name) : fail(subject, resolved.problem, CALLS_FAIL);
}

/** Judged as it is before it runs. An interpreter is no risk here: no client has a word in the arguments. */
function programFinding(subject: string, name: string, program: string): Finding {
  const found = inspectBinary(program, { uid: process.getuid?.() ?? 0 });
  if (found.kind === 'missing' || found.kind === 'insecure') return fail(subject, `${name}: ${found.why}`, CALLS_FAIL);
  return ok(subject, `${name}: is there, and was not run`);
}
