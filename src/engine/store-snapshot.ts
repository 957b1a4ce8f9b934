/**
 * Puts keys and policies together into a snapshot.
 */
import { createHash } from 'node:crypto';
import type { AuthorizedKey } from '../identity/authorized-keys.ts';
import type { Problem } from '../model/problem.ts';
import { compareProblems, didYouMean, hasErrors } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import type { Tool, Policy } from '../policy/policy.ts';
import { mergePolicies } from '../policy/policy.ts';
import type { KeyEntry, Snapshot } from './snapshot.ts';
import type { KeySet } from './store-keys.ts';
import type { PolicySet } from './store-policies.ts';

/**
 * Gives each key the tools of its policies. A key that names a policy which is not there, or policies that cannot stand
 * together, is left out, with a problem. `policyProblems` are those of the policies as they lie there now, which need
 * not be the `policies` in force. Never throws.
 */
export function buildSnapshot(keys: KeySet, policies: PolicySet, policyProblems: readonly Problem[]): Snapshot {
  const problems: Problem[] = [...keys.problems, ...policyProblems];
  const entries = new Map<string, KeyEntry>();
  const clients = new Map<string, KeyEntry[]>();
  const granted = new Map<string, Grant>();
  const areComplete = !hasErrors(policyProblems);
  for (const key of keys.keys) {
    const named = key.policies.join(' ');
    const grant = granted.get(named) ?? grantOf(key, policies.policies, areComplete);
    granted.set(named, grant);
    if ('fault' in grant) {
      problems.push({ severity: 'error', place: key.place, path: '', message: grant.fault });
      continue;
    }
    const entry = { ...key, tools: grant.tools };
    entries.set(key.key.base64, entry);
    clients.set(key.client, [...(clients.get(key.client) ?? []), entry]);
  }
  const digest = createHash('sha256');
  for (const line of [...keys.digests, ...policies.digests]) digest.update(`${line}\n`);
  return {
    keys: entries,
    clients,
    policies: policies.policies,
    digest: digest.digest('hex'),
    problems: problems.toSorted(compareProblems),
    loadedAt: Date.now(),
  };
}

type Grant = { readonly tools: ReadonlyMap<string, Tool> } | { readonly fault: string };

/** `areComplete`: false where policies that are there could not be loaded. */
function grantOf(key: AuthorizedKey, policies: ReadonlyMap<string, Policy>, areComplete: boolean): Grant {
  const found: Policy[] = [];
  for (const name of key.policies) {
    const policy = policies.get(name);
    if (policy === undefined && !areComplete)
      return { fault: `policy ${quoted(name)} is not in force, as the policies that are there do not load` };
    if (policy === undefined)
      return { fault: `policy ${quoted(name)} does not exist${didYouMean(name, policies.keys())}` };
    found.push(policy);
  }
  const merged = mergePolicies(found);
  if (merged.ok) return { tools: merged.tools };
  const [first] = merged.problems;
  const where = first === undefined ? '' : `: ${first.path} ${first.message}`;
  return { fault: `policies ${key.policies.join(' and ')} cannot stand together${where}` };
}
