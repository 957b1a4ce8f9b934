/** Audit records of requests to servers: field by field, as `gateway-records.ts` has those of calls. */
import type { DecisionEvent, HttpRequestRecord, OutcomeEvent } from '../../model/audit-record.ts';
import type { HttpDecision, RpcElement } from '../../model/decision.ts';
import type { HttpHead } from '../../model/http.ts';
import type { Reason } from '../../model/reason.ts';
import { formatJsonValue } from '../../model/rpc-text.ts';
import { formatPlace } from '../../policy/explain.ts';
import type { HttpTool } from '../../policy/http/http-tool.ts';
import { isTelling, REDACTED } from '../../policy/redact.ts';
import type { Caller } from '../door-interface.ts';
import { bounded, peerOf } from '../gateway-records.ts';
import type { Exchanged, HttpOutcome } from './http-outcome.ts';
import { HTTP_STATUS } from './refusal.ts';

/** A decision with everything around it. */
export interface HttpDecided {
  readonly caller: Caller;
  readonly request: string;
  readonly head: HttpHead;
  /** Undefined where the client has no such capability any more. */
  readonly definition: HttpTool | undefined;
  readonly decision: HttpDecision;
  /** Why it does not run: policy's reason, or that there is no place for it; null where it does. */
  readonly refused: Reason | null;
  /** Digest of the snapshot that decided. */
  readonly digest: string;
}

/** The records of a decision: one, or one for each message of a JSON-RPC body, in their order. */
export function httpDecisionRecords(decided: HttpDecided): DecisionEvent[] {
  const { elements } = decided.decision;
  if (elements.length === 0) return [recordOf(decided, null)];
  return elements.map((element) => recordOf(decided, element));
}

function recordOf(decided: HttpDecided, element: RpcElement | null): DecisionEvent {
  const { caller, request, head, definition, decision, refused, digest } = decided;
  const rule = element?.verdict === 'deny' ? element.rule : decision.rule;
  return {
    event: 'decision',
    ...peerOf(caller),
    request,
    word: null,
    tool: bounded(decision.tool),
    type: definition?.type ?? null,
    argv: null,
    argvCut: false,
    http: requestRecord(head, definition, decision, element),
    cwd: null,
    env: [],
    envDropped: 0,
    meta: {},
    // One message that is denied denies the others, whose records say so.
    verdict: refused === null ? 'allow' : 'deny',
    reason: refused === null ? null : (element?.reason ?? refused),
    rule: rule === null ? null : formatPlace(rule),
    policy: digest,
  };
}

function requestRecord(
  { method, path, query }: HttpHead,
  definition: HttpTool | undefined,
  { headersDropped }: HttpDecision,
  element: RpcElement | null,
): HttpRequestRecord {
  const shown = definition?.audit.logRequest ?? true;
  const patterns = (definition?.audit.redactPatterns ?? []).map((pattern) => pattern.toLowerCase());
  return {
    method: bounded(method),
    path: shown ? bounded(path) : null,
    query: shown && query !== null ? bounded(redactQuery(query, patterns)) : null,
    rpc: element === null ? null : rpcRecord(element, shown, patterns),
    headersDropped,
  };
}

/** Values of parameters with telling names are replaced; what is no parameter is left as it is. */
function redactQuery(query: string, patterns: readonly string[]): string {
  return query
    .split('&')
    .map((part) => {
      const [name = ''] = part.split('=', 1);
      return part.includes('=') && isTelling(decoded(name), patterns) ? `${name}=${REDACTED}` : part;
    })
    .join('&');
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function rpcRecord(
  { kind, id, method, looked }: RpcElement,
  shown: boolean,
  patterns: readonly string[],
): NonNullable<HttpRequestRecord['rpc']> {
  const params = [...looked].map(([path, value]): [string, string] => {
    return [bounded(path), isTelling(path, patterns) ? REDACTED : bounded(formatJsonValue(value))];
  });
  const what = kind === 'call' && id === undefined ? 'notification' : kind;
  return {
    kind: what,
    method: method === null ? null : bounded(method),
    params: Object.fromEntries(shown ? params : []),
  };
}

/** The end of a request that was allowed. */
export function httpOutcomeRecord(caller: Caller, request: string, tool: string, outcome: HttpOutcome): OutcomeEvent {
  const reason = outcome.kind === 'failed' || outcome.kind === 'limited' ? outcome.reason : null;
  return {
    event: 'outcome',
    ...peerOf(caller),
    request,
    tool,
    kind: outcome.kind,
    reason,
    signal: null,
    detector: outcome.kind === 'limited' ? (outcome.detector ?? null) : null,
    ...(outcome.kind === 'failed' ? NOTHING_EXCHANGED : exchangedFields(outcome)),
    ...(reason === null ? {} : ownStatus(outcome, reason)),
  };
}

type ExchangedFields = Pick<OutcomeEvent, 'status' | 'durationMs' | 'bytes' | 'firstByteMs' | 'redactions'>;

const NOTHING_EXCHANGED: ExchangedFields = {
  status: null,
  durationMs: 0,
  bytes: { stdin: 0, stdout: 0, stderr: 0 },
  firstByteMs: null,
  redactions: {},
};

function exchangedFields({ status, durationMs, bytes, firstByteMs, redactions = {} }: Exchanged): ExchangedFields {
  return {
    status,
    durationMs: Math.round(durationMs),
    bytes: { stdin: bytes.request, stdout: bytes.response, stderr: 0 },
    firstByteMs: firstByteMs === null ? null : Math.round(firstByteMs),
    redactions,
  };
}

/** Where no answer of the server's was sent, the client got ours. */
function ownStatus(outcome: HttpOutcome, reason: Reason): Partial<ExchangedFields> {
  const isSent = outcome.kind !== 'failed' && outcome.status !== null;
  return isSent ? {} : { status: HTTP_STATUS[reason] };
}
