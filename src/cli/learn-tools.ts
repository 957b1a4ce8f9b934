/** Which tool of which policy a denied call was meant for. */
import { readFolder } from '../engine/store-folder.ts';
import { isKeyFile, loadKeys } from '../engine/store-keys.ts';
import type { AuthorizedKey } from '../identity/authorized-keys.ts';
import type { Problem } from '../model/problem.ts';
import { type CliTool, cliTools, mergePolicies, type Policy } from '../policy/policy.ts';
import type { Directory } from './directory.ts';
import type { DeniedCall } from './learn-calls.ts';

/** The tool that a call was meant for; undefined where whoever made it has none of that name. */
export type FindTool = (call: Pick<DeniedCall, 'tool' | 'client'>) => CliTool | undefined;

export type FoundTools =
  | { readonly ok: true; readonly find: FindTool }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Finds tools in policies: with a directory, those that its keys give to each client; without, all of them together, as
 * for one key. Never throws.
 */
export function findTools(policies: readonly Policy[], directory: Directory | null): FoundTools {
  if (directory !== null) return { ok: true, find: findByKeys(policies, directory) };
  const merged = mergePolicies(policies);
  return merged.ok ? { ok: true, find: ({ tool }) => cliTools(merged.tools).get(tool) } : merged;
}

function findByKeys(policies: readonly Policy[], { keysDirectory }: Directory): FindTool {
  const { keys } = loadKeys(readFolder(keysDirectory, isKeyFile));
  return ({ tool, client }) => {
    const own = keys.filter((key) => key.client === client?.name);
    // The key that was used, else another of the client: keys are replaced, and what was tried stays.
    const [first] = [...own.filter(({ fingerprint }) => fingerprint === client?.key), ...own].flatMap((key) =>
      toolsNamed(tool, policiesOf(key, policies)),
    );
    if (own.length > 0) return first;
    const [only, ...others] = toolsNamed(tool, policies);
    return others.length === 0 ? only : undefined;
  };
}

function policiesOf({ policies: names }: AuthorizedKey, policies: readonly Policy[]): Policy[] {
  return policies.filter(({ name }) => names.includes(name));
}

function toolsNamed(name: string, policies: readonly Policy[]): CliTool[] {
  return policies.flatMap(({ tools }) => cliTools(tools).get(name) ?? []);
}
