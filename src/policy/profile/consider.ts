/** What a tool's rules say of a call, as the tool would read it. */
import type { ConsideredRule, ReadArgv } from '../../model/decision.ts';
import type { Considered, Refusal } from '../considered.ts';
import type { DenyMatch } from '../match-deny.ts';
import type { Rule } from '../rule.ts';
import type { CompiledProfileAllow } from './allow-pattern.ts';
import { expandLists } from './expand-lists.ts';
import type { Fault } from './fault.ts';
import type { Places } from './file-claim.ts';
import { matchProfileAllow } from './match-allow.ts';
import { matchProfileDeny, readForDeny } from './match-deny.ts';
import { NO_RULE, type ProfileContext, type ProfileMatch } from './matching.ts';
import { readCall, type ReadCall } from './read-call.ts';
import type { ToolProfile } from './tool-profile.ts';

/**
 * Reads a call and tries every rule on it, once for each element of a list: allowed if each element is, denied if any is.
 * `stdin`: what the tool's definition says for every call. Never throws.
 */
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
  const streams = stdin === 'stream' || calls.every((each) => streamsAs(tool, each, places));
  const tried = calls.map((each) => tryRules(tool, each, { places, rules: tool.options, streams }, fault));
  const { allowed, refusal, ...worst } = worstOf(tried);
  // A rule that allows an element without naming a file needs nobody to look.
  const claims = tried
    .flatMap((each) => each.allowed?.claims ?? [])
    .filter((ways) => ways.every((way) => way.length > 0));
  return {
    ...worst,
    allowed: allowed === null ? null : { ...allowed, claims },
    refusal: fault ?? refusal,
    stdin: streams ? 'stream' : 'none',
    read: describe(call),
    executesDirectory: call.command.executesDirectory,
  };
}

interface Tried extends Pick<Considered, 'rules' | 'denied' | 'allowed'> {
  readonly refusal: Refusal | null;
}

/** The element that stands for the call: a denied one, else one that is not allowed, else any. */
function worstOf(tried: readonly Tried[]): Tried {
  const denied = tried.find((each) => each.denied !== null);
  const refused = tried.find((each) => each.allowed === null);
  return denied ?? refused ?? tried[0] ?? { rules: [], denied: null, allowed: null, refusal: null };
}

function tryRules(tool: ToolProfile, call: ReadCall, context: ProfileContext, fault: Fault | null): Tried {
  const denies = tryDenies(tool, call, context.places);
  const allows = tool.allow.map((rule) => ({ rule, match: tryAllow(rule.compiled, call, context, fault) }));
  const met = denies.flatMap(({ rule: { place }, match }) => (match.matched ? { place, token: match.token } : []));
  const allowed = allows.flatMap(({ rule: { place }, match }) => (match.matched ? { place, way: match.claims } : []));
  const [first] = allowed;
  const refusals = allows.flatMap(({ match }): Refusal[] => (match.matched ? [] : [match]));
  return {
    rules: [
      ...denies.map(({ rule, match }) => consideredRule('deny', rule, match)),
      ...allows.map(({ rule, match }) => consideredRule('allow', rule, match)),
    ],
    denied: met[0] ?? null,
    allowed: first === undefined ? null : { place: first.place, claims: [allowed.map(({ way }) => way)] },
    refusal: refusals.reduce<Refusal | null>(better, null),
  };
}

function tryDenies(
  { deny, profile }: ToolProfile,
  call: ReadCall,
  places: Places,
): { rule: ToolProfile['deny'][number]; match: DenyMatch }[] {
  if (deny.length === 0) return [];
  const read = readForDeny(call, profile.dialect, places);
  return deny.map((rule) => ({ rule, match: matchProfileDeny(rule.compiled, read) }));
}

function consideredRule(
  kind: ConsideredRule['kind'],
  { pattern, place }: Pick<Rule<unknown>, 'pattern' | 'place'>,
  match: DenyMatch | ProfileMatch,
): ConsideredRule {
  if (match.matched) return { kind, pattern, place, matched: true };
  return {
    kind,
    pattern,
    place,
    matched: false,
    get why() {
      return match.why;
    },
  };
}

/** The rule that came furthest says best what is wrong; of equals, one that names more than `no-rule`. */
function better(best: Refusal | null, next: Refusal): Refusal {
  if (best === null || next.reached > best.reached) return next;
  return next.reached === best.reached && best.reason === 'no-rule' && next.reason !== 'no-rule' ? next : best;
}

function tryAllow(
  compiled: CompiledProfileAllow,
  call: ReadCall,
  context: ProfileContext,
  fault: Fault | null,
): ProfileMatch {
  if (fault !== null) return refusedBy(fault);
  if (compiled.ok) return matchProfileAllow(compiled.pattern, call, context);
  const why = `no call can match it: ${compiled.problem}`;
  return { matched: false, reached: -1, reason: 'no-rule', token: null, message: NO_RULE, why };
}

/** No pattern matches what the tool would not take. */
function refusedBy(fault: Fault): ProfileMatch {
  return {
    matched: false,
    reached: 0,
    reason: fault.reason,
    token: fault.token,
    get message() {
      return fault.message;
    },
    get why() {
      return fault.message;
    },
  };
}

/** Does one of the patterns say that this call gets what the client sends? */
function streamsAs({ stream, options }: ToolProfile, call: ReadCall, places: Places): boolean {
  if (call.fault !== null) return false;
  const context: ProfileContext = { places, rules: options, streams: true };
  return stream.some(({ compiled }) => compiled.ok && matchProfileAllow(compiled.pattern, call, context).matched);
}

function describe({ verb, command, options, operands }: ReadCall): ReadArgv {
  return {
    verb: command.path.length > 0 ? command.path : verb,
    options: options.map(({ spec, name, values, on }) => ({ name, values, on, class: spec.class })),
    operands: operands.map(({ text }) => text),
  };
}
