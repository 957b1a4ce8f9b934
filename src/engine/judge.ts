/**
 * Whether a request may run: the key's tools in one snapshot, the decision of policy, and a place within the limits.
 */
import type { Decision } from '../model/decision.ts';
import type { Permit } from '../model/permit.ts';
import type { DenyReason } from '../model/reason.ts';
import type { ToolRequest } from '../model/request.ts';
import type { Tool } from '../policy/policy.ts';
import { decideRequest } from './decide-request.ts';
import type { Caller, Refusal } from './door-interface.ts';
import type { Bounded, Limiter } from './limits.ts';
import { keyStatus, type Snapshot } from './snapshot.ts';

/** A decision and what it was made from. */
export interface Judgement {
  /** Undefined where the client has no such tool. */
  readonly definition: Tool | undefined;
  readonly decision: Decision;
  /** Digest of the snapshot. */
  readonly digest: string;
}

/** An allow with its place, or the refusal. Whoever gets a place must release it, once. */
export type Admitted<P = Permit> =
  | { readonly ok: true; readonly permit: P; readonly release: () => void }
  | { readonly ok: false; readonly refusal: Refusal };

/** What `admit` looks at: a decision on a call, or on a request to a server. */
type Decided<P> =
  | { readonly verdict: 'allow'; readonly tool: string; readonly permit: P }
  | { readonly verdict: 'deny'; readonly tool: string; readonly reason: DenyReason; readonly message: string };

/** For `check`, which runs nothing and so takes no place. */
export const NO_LIMITS: Pick<Limiter, 'admit'> = { admit: () => ({ ok: true, release: () => undefined }) };

const NO_TOOLS: ReadonlyMap<string, Tool> = new Map();

/** The tools of the caller's key; none for one that was removed, has expired or went to another client since it logged in. */
export function toolsOf(snapshot: Snapshot, caller: Caller): ReadonlyMap<string, Tool> {
  const status = keyStatus(snapshot, caller.key, caller.address, Date.now());
  return status.ok && status.entry.client === caller.client ? status.entry.tools : NO_TOOLS;
}

/** Decides by the tools of the caller's key. `closed`: the gateway's own directories, which no wildcard reaches. */
export function judge(snapshot: Snapshot, caller: Caller, request: ToolRequest, closed: readonly string[]): Judgement {
  const tools = toolsOf(snapshot, caller);
  const definition = tools.get(request.tool);
  return { definition, decision: decideRequest(tools, request, closed), digest: snapshot.digest };
}

/** Takes a place within the limits for an allow; a denial needs none. */
export function admit<P extends Bounded>(
  limits: Pick<Limiter, 'admit'>,
  caller: Caller,
  decision: Decided<P>,
): Admitted<P> {
  const { tool } = decision;
  if (decision.verdict === 'deny')
    return { ok: false, refusal: { tool, reason: decision.reason, message: decision.message } };
  const place = limits.admit(caller.client, decision.permit);
  if (place.ok) return { ok: true, permit: decision.permit, release: place.release };
  const message = place.reason === 'too-many' ? 'too many calls are running' : 'too many calls in too short a time';
  const retry = place.retryAfterMs === undefined ? {} : { retryAfterMs: place.retryAfterMs };
  return { ok: false, refusal: { tool, reason: place.reason, message, ...retry } };
}
