/**
 * The values of one call: looked up together, and handed out all or none, so that nothing half-injected runs.
 */
import type { Injection, Redaction, Reference } from '../../model/injection.ts';
import { describeReference, MIN_REDACTED_BYTES, referenceKey } from '../../model/injection.ts';
import { Secret } from '../../model/secret.ts';
import { visible } from '../../model/visible.ts';
import type { Resolution, Resolver } from './resolver.ts';
import { FIRST_WAIT_MS } from './resolver-failures.ts';

/** What a value goes into: a variable can hold all but NUL, a header no control character either (RFC 9110, section 5.5). */
export type Carrier = 'environment' | 'header';

export type Injected =
  | {
      readonly ok: true;
      /** By the names that they are injected as. Revealed: to be handed on, and kept in no field. */
      readonly values: ReadonlyMap<string, string>;
      /** What to take out of what goes back to the client; each value once. */
      readonly redactions: readonly Redaction[];
    }
  | {
      readonly ok: false;
      /** For the operator's log: names what failed, never a value. */
      readonly problem: string;
      readonly retryAfterMs: number;
    };

/** execve(2): `NAME=VALUE` and its NUL, in bytes (MAX_ARG_STRLEN). */
const LONGEST_VARIABLE = 131_072;
const NO_HEADER_TEXT = /[\0-\x08\x0A-\x1F\x7F]/;

/** Looks up what these injections refer to, and nothing else, each reference once. Never rejects. */
export async function resolveInjections(
  injections: ReadonlyMap<string, Injection>,
  resolver: Pick<Resolver, 'resolve'>,
  carrier: Carrier,
): Promise<Injected> {
  const found = await lookUpAll(injections, resolver);
  const failed = [...found.values()].filter((resolution) => !resolution.ok);
  if (failed.length > 0) {
    const problem = failed.map((failure) => failure.problem).join('; ');
    return { ok: false, problem, retryAfterMs: Math.max(...failed.map((failure) => failure.retryAfterMs)) };
  }
  const values = new Map<string, string>();
  const redactions = new Map<string, Redaction>();
  for (const [name, injection] of injections) {
    const texts = injection.parts.map((part) => fill(part, found));
    const value = texts.join('');
    const problem = injectionProblem(name, injection, texts, carrier);
    if (problem !== undefined) return { ok: false, problem, retryAfterMs: FIRST_WAIT_MS };
    values.set(name, value);
    for (const redaction of redactionsOf(name, injection, texts)) {
      // The first name that a value has.
      if (!redactions.has(redaction.value.reveal())) redactions.set(redaction.value.reveal(), redaction);
    }
  }
  return { ok: true, values, redactions: [...redactions.values()] };
}

/** All lookups have ended when it resolves, also where one has failed. */
async function lookUpAll(
  injections: ReadonlyMap<string, Injection>,
  resolver: Pick<Resolver, 'resolve'>,
): Promise<ReadonlyMap<string, Resolution>> {
  const references = new Map<string, Reference>();
  for (const { parts } of injections.values()) {
    for (const part of parts) if (typeof part !== 'string') references.set(referenceKey(part), part);
  }
  const resolved = [...references].map(async ([key, reference]) => [key, await resolver.resolve(reference)] as const);
  return new Map(await Promise.all(resolved));
}

function fill(part: string | Reference, found: ReadonlyMap<string, Resolution>): string {
  if (typeof part === 'string') return part;
  const resolution = found.get(referenceKey(part));
  if (resolution?.ok === true) return resolution.value.reveal();
  // All were looked up and none has failed: fail safe.
  throw new Error('a reference was not looked up');
}

/** Why a value cannot be injected where it is to go. `texts` are what the parts stand for. */
function injectionProblem(
  name: string,
  { parts, redacted }: Injection,
  texts: readonly string[],
  carrier: Carrier,
): string | undefined {
  for (const [index, part] of parts.entries()) {
    const problem = partProblem(part, texts[index] ?? '', redacted, carrier);
    if (problem !== undefined) return `${subjectOf(part, name)}: ${problem}`;
  }
  const length = Buffer.byteLength(name) + texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) + 2;
  if (carrier === 'header' || length <= LONGEST_VARIABLE) return undefined;
  return `variable ${name}: is longer than ${LONGEST_VARIABLE} bytes, which no program can be started with`;
}

function partProblem(part: string | Reference, text: string, redacted: boolean, carrier: Carrier): string | undefined {
  if (carrier === 'header' && NO_HEADER_TEXT.test(text)) return 'holds a control character, which no header can carry';
  if (text.includes('\0')) return 'holds a NUL byte';
  if (typeof part === 'string' || !redacted || isLongEnough(text)) return undefined;
  return `is shorter than ${MIN_REDACTED_BYTES} bytes, so it cannot be redacted; redact: false on it if that is meant`;
}

function subjectOf(part: string | Reference, name: string): string {
  return typeof part === 'string' ? `value of ${name}` : visible(describeReference(part), 4096);
}

/** Where text surrounds a reference, as in `Bearer ${secret:x}`, only what the reference stands for is a secret. */
function redactionsOf(name: string, { parts, redacted }: Injection, texts: readonly string[]): Redaction[] {
  if (!redacted) return [];
  const literal = texts.join('');
  if (parts.every((part) => typeof part === 'string')) {
    return isLongEnough(literal) ? [{ name, value: new Secret(literal) }] : [];
  }
  return parts.flatMap((part, index) =>
    typeof part === 'string' ? [] : [{ name: redactionName(part, name), value: new Secret(texts[index] ?? '') }],
  );
}

/** A name that says something to the client and nothing of the host: a path or a command line would. */
function redactionName(reference: Reference, name: string): string {
  return 'name' in reference ? reference.name : name;
}

function isLongEnough(text: string): boolean {
  return Buffer.byteLength(text) >= MIN_REDACTED_BYTES;
}
