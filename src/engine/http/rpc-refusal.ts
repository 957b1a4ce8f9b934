/** A refusal as JSON-RPC has it: an error object for each call that waits for an answer. */
import type { Reason } from '../../model/reason.ts';
import type { RpcBody } from '../../model/rpc.ts';
import { rpcError } from '../../protocol/json-rpc.ts';

/** Of the range that the specification leaves to servers (section 5.1). */
const REFUSED = -32_001;
/** The specification's `Invalid Request`. */
const INVALID = -32_600;

/**
 * The body of a refusal; null where the request was no JSON-RPC, or nothing in it waits for an answer. Each call of a batch
 * gets the same error: one that is denied denies them all.
 */
export function rpcRefusal(
  body: RpcBody | null,
  { reason, message, request }: { readonly reason: Reason; readonly message: string; readonly request: string },
): string | null {
  if (body === null) return null;
  const data = new Map([
    ['reason', reason],
    ['request', request],
  ]);
  if (!body.ok) return rpcError(null, INVALID, message, data);
  const errors = body.messages.flatMap((each) =>
    each.kind === 'call' && each.id !== undefined ? [rpcError(each.id, REFUSED, message, data)] : [],
  );
  if (errors.length === 0) return null;
  return body.batch ? `[${errors.join(',')}]` : (errors[0] ?? null);
}
