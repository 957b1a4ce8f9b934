/**
 * A policy as it is used: loaded once, compiled, and never changed. Every default is filled in, so no reader of these
 * types knows one.
 */
import type { Place } from '../model/decision.ts';
import type { ToolLimits } from '../model/permit.ts';
import type { Problem } from '../model/problem.ts';
import type { DenyReason } from '../model/reason.ts';
import type { RunAs } from '../model/run-as.ts';
import type { ContentRule } from './content/content-rule.ts';
import type { EnvironmentRules } from './environment.ts';
import type { HttpTool } from './http/http-tool.ts';
import type { ToolProfile } from './profile/tool-profile.ts';
import type { AllowRule, DenyRule } from './rule.ts';

/** One policy file. */
export interface Policy {
  /** What keys refer to it by: the file's name without `.yaml`. */
  readonly name: string;
  /** As it was named to the loader: for places and messages. */
  readonly file: string;
  /** SHA-256 (hex) of the file's text. */
  readonly digest: string;
  /** By name. A Map, never an object: names come from outside. */
  readonly tools: ReadonlyMap<string, Tool>;
  /** What the file says that somebody should look at. */
  readonly warnings: readonly Problem[];
}

/** A capability: whatever a client can be given the use of. */
export type Tool = CliTool | HttpTool;

/** Those that are programs, by name. */
export function cliTools(tools: ReadonlyMap<string, Tool>): ReadonlyMap<string, CliTool> {
  return new Map([...tools].flatMap(([name, tool]) => (tool.type === 'cli' ? [[name, tool]] : [])));
}

/** Those that are servers, by name. */
export function httpTools(tools: ReadonlyMap<string, Tool>): ReadonlyMap<string, HttpTool> {
  return new Map([...tools].flatMap(([name, tool]) => (tool.type === 'http' ? [[name, tool]] : [])));
}

/** A capability of `type: cli`: a program on this host. */
export interface CliTool extends EnvironmentRules {
  readonly type: 'cli';
  readonly name: string;
  /** Where the policy defines it. */
  readonly place: Place;
  /** Absolute path, as written; the program is started by it. */
  readonly binary: string;
  /** Where `binary` is written: for what the engine finds wrong with the file itself. */
  readonly binaryPlace: Place;
  /** Where each of its `secrets` is written. */
  readonly secretPlaces: ReadonlyMap<string, Place>;
  /** What is known of its options, and the rules as that reads them; null where nothing is. */
  readonly profile: ToolProfile | null;
  /** False: the policy does not say which profile, so that of the tool's name is taken where there is one. */
  readonly profileNamed: boolean;
  /** None: nothing is allowed. */
  readonly allow: readonly AllowRule[];
  /** A matching one beats every allow. */
  readonly deny: readonly DenyRule[];
  /** `none`; `stream`; or the patterns of those calls that stream, the others having none. */
  readonly stdin: 'none' | 'stream' | readonly AllowRule[];
  /** Absolute paths as written; null: the client's working directory is ignored. Never empty. */
  readonly cwdAllowed: readonly string[] | null;
  /** The policy trusts what lies in `cwdAllowed`, though the tool runs code that it finds there. */
  readonly cwdTrusted: boolean;
  readonly limits: ToolLimits;
  readonly content: ContentRules;
  /** The OS user that it runs as; null for the default of the gateway's configuration. */
  readonly runAs: RunAs | null;
  readonly audit: ToolAudit;
  /** False: `tools` does not show allow patterns to clients. Deny patterns are never shown. */
  readonly showPatterns: boolean;
  readonly tests: readonly PolicyTest[];
}

/** What may pass neither way; empty for no rule. */
export interface ContentRules {
  readonly output: readonly ContentRule[];
  readonly input: readonly ContentRule[];
}

/** What the audit log holds of a tool's calls. */
export interface ToolAudit {
  /** False: the arguments are left out of the records. The records themselves are always written. */
  readonly logArgv: boolean;
  /** Further substrings of option names whose values are replaced; a fixed list always is. */
  readonly redactPatterns: readonly string[];
}

/** An expectation that a policy states about itself. */
export interface PolicyTest {
  readonly place: Place;
  readonly expect: 'allow' | 'deny';
  /** The reason that a denial must have; null for any. */
  readonly reason: DenyReason | null;
  readonly argv: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  /** Compared by its text: a test looks at no file. */
  readonly cwd: string | undefined;
}

export type MergedTools =
  | { readonly ok: true; readonly tools: ReadonlyMap<string, Tool> }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** The tools that a key with these policies may use: their union. The same tool in two of them is an error. Never throws. */
export function mergePolicies(policies: readonly Policy[]): MergedTools {
  const tools = new Map<string, Tool>();
  const problems: Problem[] = [];
  for (const policy of new Set(policies)) {
    for (const [name, tool] of policy.tools) {
      const other = tools.get(name);
      if (other === undefined) {
        tools.set(name, tool);
        continue;
      }
      const message = `is also defined in ${other.place.file}:${other.place.line}; a key gets each tool from one policy`;
      problems.push({ severity: 'error', place: tool.place, path: `tools.${name}`, message });
    }
  }
  return problems.length === 0 ? { ok: true, tools } : { ok: false, problems };
}
