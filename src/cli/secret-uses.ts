/** Which policies refer to which stored secrets. */
import { describeReference, type Injection, type Reference } from '../model/injection.ts';
import type { Problem } from '../model/problem.ts';
import { injectionsOf } from '../policy/injections.ts';
import type { Policy } from '../policy/policy.ts';
import { compilePolicies, readPolicyFolder } from './policy-files.ts';

/** Names of policies, sorted, by the names of secrets. */
export type SecretUses = ReadonlyMap<string, readonly string[]>;

export type FoundUses =
  | { readonly ok: true; readonly uses: SecretUses }
  /** The policies do not load, so it is not known who needs what. */
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads the policies of the directory. @throws CarapaceError `configuration` where there is no directory */
export function findSecretUses(dir: string | undefined): FoundUses {
  const folder = readPolicyFolder([], dir);
  if (folder.missing) return { ok: true, uses: new Map() };
  const compiled = compilePolicies(folder);
  if (!compiled.ok) return { ok: false, problems: compiled.problems };
  return { ok: true, uses: referencesOf(compiled.policies) };
}

/** The stored secrets that policies refer to, in whatever way. */
export function referencesOf(policies: readonly Policy[]): SecretUses {
  const uses = new Map<string, Set<string>>();
  for (const policy of policies) {
    const injections = [...policy.tools.values()].flatMap(injectionsOf).map(([, injection]) => injection);
    for (const name of injections.flatMap(storedNames)) uses.set(name, (uses.get(name) ?? new Set()).add(policy.name));
  }
  return new Map([...uses].map(([name, names]) => [name, [...names].toSorted()]));
}

function storedNames({ parts }: Injection): string[] {
  return parts.flatMap((part) => (typeof part === 'string' ? [] : storedNamesOf(part)));
}

function storedNamesOf(reference: Reference): string[] {
  if (reference.kind === 'secret') return [reference.name];
  if (reference.kind !== 'oauth2') return [];
  return [reference.refresh, ...(reference.clientSecret === null ? [] : storedNamesOf(reference.clientSecret))];
}

/** All that policies refer to, as failures name it. */
export function neededReferences(policies: readonly Policy[]): ReadonlySet<string> {
  const tools = policies.flatMap((policy) => [...policy.tools.values()]);
  const parts = tools.flatMap(injectionsOf).flatMap(([, injection]) => injection.parts);
  return new Set(parts.flatMap((part) => (typeof part === 'string' ? [] : namesOf(part))));
}

/** With those that it needs itself. */
function namesOf(reference: Reference): string[] {
  if (reference.kind !== 'oauth2') return [describeReference(reference)];
  const { refresh, clientSecret } = reference;
  const nested: Reference[] = [{ kind: 'secret', name: refresh }, ...(clientSecret === null ? [] : [clientSecret])];
  return [describeReference(reference), ...nested.flatMap(namesOf)];
}
