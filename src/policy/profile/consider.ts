/** What a tool's rules say of a call, as the tool would read it. */
import type { ConsideredRule, FileClaim, ReadArgv } from '../../model/decision.ts';
import type { Considered, Refusal } from '../considered.ts';
import { expandLists } from './expand-lists.ts';
import type { Places } from './file-claim.ts';
import { matchProfileAllow } from './match-allow.ts';
import { matchProfileDeny } from './match-deny.ts';
import type { ProfileContext, ProfileMatch } from './matching.ts';
import { readCall, type ReadCall } from './read-call.ts';
import type { Fault } from './read-options.ts';
import type { ToolProfile } from './tool-profile.ts';

/** Reads a call and tries every rule on it: denies first, once for each element of a list. Never throws. */
export function considerProfile(
  tool: ToolProfile,
  argv: readonly string[],
  places: Places,
  stdin: 'none' | 'stream',
): Considered {
  const call = readCall(argv, tool.profile);
  const expanded = expandLists(call);
  const calls = expanded.ok ? expanded.calls : [call];
  const fault = call.fault ?? (expanded.ok ? null : expanded.fault);
  const streams =
    stdin === 'stream' ||
    calls.every((each) =>
      tool.stream.some(({ compiled }) => compiled.ok && streamsAs(tool, compiled.pattern, each, places)),
    );
  const context: ProfileContext = { places, rules: tool.options, streams };
  const tried = calls.map((each) => considerOne(tool, each, context, fault));
  // Allowed if every element is, denied if any is: the first that fails stands for the call.
  const worst =
    tried.find(({ denied }) => denied !== null) ?? tried.find(({ allowed }) => allowed === null) ?? tried[0];
  const claims = tried.flatMap(({ allowed }) => allowed?.claims ?? []);
  const { rules = [], denied = null, allowed = null, refusal = null } = worst ?? {};
  return {
    rules,
    denied,
    allowed: allowed === null ? null : { ...allowed, claims },
    refusal: fault === null ? refusal : { ...fault, reached: 0 },
    stdin: streams ? 'stream' : 'none',
    read: describe(call),
    executesDirectory: call.command.executesDirectory,
  };
}

type One = Pick<Considered, 'rules' | 'denied' | 'allowed' | 'refusal'>;

function considerOne(tool: ToolProfile, call: ReadCall, context: ProfileContext, fault: Fault | null): One {
  const rules: ConsideredRule[] = [];
  let denied: Considered['denied'] = null;
  let allowed: { place: ConsideredRule['place']; claims: readonly FileClaim[] } | null = null;
  let refusal: Considered['refusal'] = null;
  for (const { pattern, place, compiled } of tool.deny) {
    const match = matchProfileDeny(compiled, call, tool.profile.dialect);
    rules.push(
      match.matched
        ? { kind: 'deny', pattern, place, matched: true }
        : { kind: 'deny', pattern, place, matched: false, why: match.why },
    );
    if (match.matched) denied ??= { place, token: match.token };
  }
  for (const { pattern, place, compiled } of tool.allow) {
    const match = fault === null ? tryAllow(compiled, call, context) : unreadable(fault);
    rules.push(
      match.matched
        ? { kind: 'allow', pattern, place, matched: true }
        : { kind: 'allow', pattern, place, matched: false, why: match.why },
    );
    if (match.matched) allowed ??= { place, claims: match.claims };
    else if (refusal === null || explainsBetter(match, refusal)) refusal = match;
  }
  return { rules, denied, allowed, refusal };
}

/** The rule that came furthest says best what is wrong; of equals, one that names more than `no-rule`. */
function explainsBetter(match: Refusal, other: Refusal): boolean {
  if (match.reached !== other.reached) return match.reached > other.reached;
  return other.reason === 'no-rule' && match.reason !== 'no-rule';
}

function tryAllow(
  compiled: ToolProfile['allow'][number]['compiled'],
  call: ReadCall,
  context: ProfileContext,
): ProfileMatch {
  if (compiled.ok) return matchProfileAllow(compiled.pattern, call, context);
  return {
    matched: false,
    reached: -1,
    reason: 'no-rule',
    token: null,
    message: 'no rule allows these arguments',
    why: `no call can match it: ${compiled.problem}`,
  };
}

function unreadable({ reason, token, message }: Fault): ProfileMatch {
  return { matched: false, reached: 0, reason, token, message, why: message };
}

function streamsAs(
  tool: ToolProfile,
  pattern: Parameters<typeof matchProfileAllow>[0],
  call: ReadCall,
  places: Places,
): boolean {
  return (
    call.fault === null && matchProfileAllow(pattern, call, { places, rules: tool.options, streams: true }).matched
  );
}

function describe({ verb, command, options, operands }: ReadCall): ReadArgv {
  return {
    verb: command.path.length > 0 ? command.path : verb,
    options: options.map(({ spec, name, values, on }) => ({ name, values, on, class: spec.class })),
    operands: operands.map(({ text }) => text),
  };
}
