/** Rules on JSON-RPC messages. */
import type { Place } from '../../model/decision.ts';

export interface RpcRules {
  /** Methods by name, with the places that name them. None: nothing is allowed. */
  readonly allow: ReadonlyMap<string, Place>;
  /** Beat every allow. */
  readonly deny: ReadonlyMap<string, Place>;
}
