/**
 * Rules on JSON-RPC messages: which methods pass, and with which parameters.
 *
 * Invariants: what no rule allows is denied; a denied method beats an allowed one. Methods are compared as they are written.
 * Under a filter parameters are an object, and all of the method's filters hold.
 */
import type { ConsideredRule, Place, RpcElement } from '../../model/decision.ts';
import type { JsonValue, RpcCall, RpcMessage } from '../../model/rpc.ts';
import { quoted } from '../../model/visible.ts';
import { type Filter, findFault, lookedAt } from './param-filter.ts';

export interface RpcRules {
  /** Methods by name, with the places that name them. None: nothing is allowed. */
  readonly allow: ReadonlyMap<string, Place>;
  /** Beat every allow. */
  readonly deny: ReadonlyMap<string, Place>;
  /** By method. */
  readonly filters: ReadonlyMap<string, MethodFilters>;
  /** Where the policy names methods of the server, so that a client has something to answer; null: it may send no answer. */
  readonly answers: Place | null;
}

export interface MethodFilters {
  /** All have to hold. */
  readonly filters: readonly Filter[];
  readonly place: Place;
}

/** Decides one message. Never throws, and takes time linear in it. */
export function decideMessage(rules: RpcRules, message: RpcMessage): RpcElement {
  return message.kind === 'answer' ? decideAnswer(rules, message.id) : decideCall(rules, message);
}

function decideAnswer({ answers }: RpcRules, id: RpcElement['id']): RpcElement {
  const element = { kind: 'answer' as const, id, method: null, looked: new Map() };
  if (answers !== null)
    return { ...element, verdict: 'allow', reason: null, rule: answers, token: null, message: null };
  const message = 'an answer: this server asks nothing';
  return { ...element, verdict: 'deny', reason: 'no-rule', rule: null, token: null, message };
}

function decideCall(rules: RpcRules, { id, method, params }: RpcCall): RpcElement {
  const filtered = rules.filters.get(method);
  const given: JsonValue = params ?? new Map();
  const looked = filtered === undefined ? new Map<string, JsonValue>() : lookedAt(filtered.filters, given);
  const element = { kind: 'call' as const, id, method, looked };
  const denied = rules.deny.get(method);
  const allowed = rules.allow.get(method);
  const shown = quoted(method, 80);
  if (denied !== undefined) {
    const message = `method ${shown} is denied`;
    return { ...element, verdict: 'deny', reason: 'rule-denies', rule: denied, token: method, message };
  }
  if (allowed === undefined) {
    const message = `no rule allows method ${shown}`;
    return { ...element, verdict: 'deny', reason: 'no-rule', rule: null, token: method, message };
  }
  const fault = filtered === undefined ? null : paramsFault(filtered, given);
  if (fault === null) return { ...element, verdict: 'allow', reason: null, rule: allowed, token: null, message: null };
  const message = `method ${shown}: ${fault.message}`;
  return { ...element, verdict: 'deny', reason: 'value-refused', rule: null, token: fault.token, message };
}

function paramsFault(
  { filters }: MethodFilters,
  params: JsonValue,
): { readonly token: string; readonly message: string } | null {
  if (Array.isArray(params)) return { token: 'params', message: 'its parameters have to be given by name' };
  return findFault(filters, params);
}

/** The rules that have a say on a message, and what came of each: for `policy explain`. */
export function considerMessage(rules: RpcRules, message: RpcMessage): ConsideredRule[] {
  if (message.kind === 'answer') {
    const place = rules.answers;
    return place === null ? [] : [{ kind: 'allow', pattern: 'answers to the server', place, matched: true }];
  }
  const { method, params = new Map<string, JsonValue>() } = message;
  const [denied, allowed, filtered] = [rules.deny.get(method), rules.allow.get(method), rules.filters.get(method)];
  const considered: ConsideredRule[] = [];
  if (denied !== undefined)
    considered.push({ kind: 'deny', pattern: `method ${method}`, place: denied, matched: true });
  if (allowed !== undefined)
    considered.push({ kind: 'allow', pattern: `method ${method}`, place: allowed, matched: true });
  if (filtered === undefined) return considered;
  const fault = paramsFault(filtered, params);
  const rule = { kind: 'allow' as const, pattern: `parameters of ${method}`, place: filtered.place };
  considered.push(fault === null ? { ...rule, matched: true } : { ...rule, matched: false, why: fault.message });
  return considered;
}
