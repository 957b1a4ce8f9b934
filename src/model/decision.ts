/**
 * What policy says of a request. Values of these types are made only by the `policy` layer; everything else reads them.
 */
import type { HttpPermit } from './http.ts';
import type { Permit } from './permit.ts';
import type { DenyReason } from './reason.ts';
import type { JsonValue, RpcId } from './rpc.ts';

/** Where a rule stands: `policies/claw.yaml:14`. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One rule that was looked at, and what came of it: the material of `policy explain`. */
export interface ConsideredRule {
  readonly kind: 'allow' | 'deny';
  readonly pattern: string;
  readonly place: Place;
  readonly matched: boolean;
  /** Why it did not match, in words for the operator; absent where it matched. */
  readonly why?: string;
}

/** How the tool would read the arguments: what a decision was made on. */
export interface ReadArgv {
  /** The subcommand by its canonical words. */
  readonly verb: readonly string[];
  readonly options: readonly ReadOption[];
  readonly operands: readonly string[];
}

export interface ReadOption {
  /** As it was given. */
  readonly name: string;
  readonly values: readonly string[];
  /** False where it was switched off. */
  readonly on: boolean;
  /** What the profile says that it does. */
  readonly class: string;
}

/** A file that a wildcard stands for, with the directory that it has to lie in. Both are absolute, and compared as text. */
export interface FileClaim {
  /** As the client wrote it. */
  readonly value: string;
  readonly path: string;
  readonly root: string;
}

/**
 * For one element of a call, the ways in which rules allow it, each with the files that it names: one has to hold, with all
 * its files. Whichever it is, the order of the rules means nothing.
 */
export type FileWays = readonly (readonly FileClaim[])[];

interface Considered {
  readonly tool: string;
  readonly rules: readonly ConsideredRule[];
  /** Null where nothing is known of the tool's options. */
  readonly read: ReadArgv | null;
  /** Names of the variables sent by the client that would pass to the tool. */
  readonly env: readonly string[];
  /** How many variables the client sent that do not pass. */
  readonly envDropped: number;
}

/** The request may run, exactly as its permit says. */
export interface Allow extends Considered {
  readonly verdict: 'allow';
  readonly reason: null;
  readonly rule: Place;
  readonly permit: Permit;
  /** Files that have to lie where they seem to: somebody has to look before the call may run. */
  readonly claims: readonly FileWays[];
}

/** The request does not run. */
export interface Deny extends Considered {
  readonly verdict: 'deny';
  readonly reason: DenyReason;
  /** The rule that decided: a matching deny. Null where nothing allowed the request. Never shown to the client. */
  readonly rule: Place | null;
  /** The argument (or variable, or directory) at fault where one can be named: shown to the client, through `visible()`. */
  readonly token: string | null;
  /** One sentence without a full stop: what is wrong. Safe for the client: no rule, host path or other client in it. */
  readonly message: string;
}

/** A verdict with its reason. `ask` will join the two verdicts. */
export type Decision = Allow | Deny;

/** What policy says of one JSON-RPC message. */
export interface RpcElement {
  readonly kind: 'call' | 'answer';
  /** Undefined for a notification. */
  readonly id: RpcId | undefined;
  /** Null for an answer. */
  readonly method: string | null;
  /** The parameters that rules looked at, by the paths that the rules name. */
  readonly looked: ReadonlyMap<string, JsonValue>;
  readonly verdict: 'allow' | 'deny';
  /** Null for an allow. */
  readonly reason: DenyReason | null;
  /** The rule that decided; null where nothing allowed it. */
  readonly rule: Place | null;
  readonly token: string | null;
  /** As `Deny.message`; null for an allow. */
  readonly message: string | null;
}

interface HttpConsidered {
  readonly tool: string;
  readonly rules: readonly ConsideredRule[];
  /** The messages of a JSON-RPC body, in their order; none where no rules look at bodies. One that is denied denies them all. */
  readonly elements: readonly RpcElement[];
  /** Names of the headers that the client sent and that do not pass, in lower case, each once. */
  readonly headersDropped: readonly string[];
}

/** The request may be sent, exactly as its permit says. */
export interface HttpAllow extends HttpConsidered {
  readonly verdict: 'allow';
  readonly reason: null;
  readonly rule: Place;
  readonly permit: HttpPermit;
}

/** The request is not sent. Its fields are those of `Deny`. */
export interface HttpDeny extends HttpConsidered {
  readonly verdict: 'deny';
  readonly reason: DenyReason;
  readonly rule: Place | null;
  readonly token: string | null;
  readonly message: string;
}

/** A verdict on an HTTP request, with its reason. */
export type HttpDecision = HttpAllow | HttpDeny;

/** A verdict on JSON-RPC messages alone, whatever brings them. */
export type RpcDecision = Omit<HttpAllow, 'permit'> | HttpDeny;
