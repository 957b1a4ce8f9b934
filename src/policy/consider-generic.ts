/** What a tool's rules say of a call where nothing is known of the tool: arguments stand for themselves. */
import type { ConsideredRule } from '../model/decision.ts';
import type { Considered, Refusal } from './considered.ts';
import { parse } from './grammar.ts';
import { type AllowMatch, matchAllow } from './match-allow.ts';
import { matchDeny } from './match-deny.ts';
import type { CliTool } from './policy.ts';

/** Tries every rule on the arguments. Never throws. */
export function considerGeneric(tool: CliTool, args: readonly string[]): Considered {
  const argv = parse(args);
  const denies = tool.deny.map((rule) => ({ rule, match: matchDeny(rule.compiled, argv) }));
  const allows = tool.allow.map((rule) => ({ rule, match: matchAllow(rule.compiled, argv) }));
  const denied = denies.flatMap(({ rule, match }) =>
    match.matched ? [{ place: rule.place, token: match.token }] : [],
  );
  const allowed = allows.find(({ match }) => match.matched);
  const streams =
    typeof tool.stdin === 'string'
      ? tool.stdin === 'stream'
      : tool.stdin.some((rule) => matchAllow(rule.compiled, argv).matched);
  return {
    rules: [
      ...denies.map(({ rule, match }) => considered('deny', rule, match)),
      ...allows.map(({ rule, match }) => considered('allow', rule, match)),
    ],
    denied: denied[0] ?? null,
    allowed: allowed === undefined ? null : { place: allowed.rule.place, claims: [] },
    refusal: nearest(allows.map(({ match }) => match)),
    stdin: streams ? 'stream' : 'none',
    read: null,
    executesDirectory: false,
  };
}

/** Of all rules the one that came furthest says best what is wrong; of equals, one that names more than `no-rule`. */
function nearest(matches: readonly AllowMatch[]): Refusal | null {
  const refusals = matches.filter((match) => !match.matched);
  const furthest = refusals.reduce((most, { reached }) => Math.max(most, reached), 0);
  const reached = refusals.filter((refusal) => refusal.reached === furthest);
  return reached.find(({ reason }) => reason !== 'no-rule') ?? reached[0] ?? null;
}

type Match = { readonly matched: true } | { readonly matched: false; readonly why: string };

function considered(
  kind: ConsideredRule['kind'],
  { pattern, place }: Pick<ConsideredRule, 'pattern' | 'place'>,
  match: Match,
): ConsideredRule {
  return match.matched
    ? { kind, pattern, place, matched: true }
    : { kind, pattern, place, matched: false, why: match.why };
}
