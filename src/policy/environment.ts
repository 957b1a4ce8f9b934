/**
 * The environment of a tool, built from nothing: a fixed base, then those of the client's variables that the policy
 * names, then what the policy injects, which wins.
 *
 * Invariants: nothing comes from the gateway's own environment. No name that chooses programs, libraries or an identity
 * ever comes from the client.
 */
import type { Injection } from '../model/injection.ts';
import { CALL_MARKER } from '../model/runner-messages.ts';

/** Names that a client may set. */
export interface AllowedNames {
  readonly names: ReadonlySet<string>;
  /** `LC_*` was written: every locale category is allowed. */
  readonly locale: boolean;
}

/** The locale categories of locale(7); `LC_*` is exactly these, so it cannot be widened by a name of the client's making. */
const LOCALE_CATEGORIES: ReadonlySet<string> = new Set(
  'ALL ADDRESS COLLATE CTYPE IDENTIFICATION MEASUREMENT MESSAGES MONETARY NAME NUMERIC PAPER TELEPHONE TIME'
    .split(' ')
    .map((category) => `LC_${category}`),
);

/** Names by which the dynamic linker, the C library, shells and the base choose what runs and who runs it. */
const RESERVED: ReadonlySet<string> = new Set(
  'PATH HOME USER LOGNAME SHELL IFS ENV BASH_ENV GCONV_PATH LOCPATH NLSPATH'.split(' ').concat(CALL_MARKER),
);

/** A portable name (POSIX.1-2017 XBD 8.1). Anything else, such as a name that holds `=`, could smuggle a second variable. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** What is wrong with a name in `env_allow`, or undefined. */
export function allowedNameProblem(name: string): string | undefined {
  if (name === 'LC_*') return undefined;
  if (/[*?[\]]/.test(name)) return "holds a wildcard; names are exact, and 'LC_*' is the only glob";
  if (!isVariableName(name))
    return 'is no name of a variable; expected letters, digits and _, not beginning with a digit';
  if (isReserved(name)) return 'is never set by a client; inject it if the tool needs a fixed value';
  return undefined;
}

/** What is wrong with a name in `env_inject`, or undefined. */
export function injectedNameProblem(name: string): string | undefined {
  if (!isVariableName(name))
    return 'is no name of a variable; expected letters, digits and _, not beginning with a digit';
  return name === CALL_MARKER ? "is the gateway's own mark of a call" : undefined;
}

function isReserved(name: string): boolean {
  return RESERVED.has(name) || name.startsWith('LD_') || name.startsWith('DYLD_');
}

/** What a tool's definition says of its environment. */
export interface EnvironmentRules {
  /** Value of USER and LOGNAME. */
  readonly user: string;
  /** Names that the client may set; nothing by default. */
  readonly envAllow: AllowedNames;
  /** Literal values that the gateway sets; they win over the client's. */
  readonly envInject: ReadonlyMap<string, string>;
  /** Values that are secrets, by the names of their variables: looked up after the decision. They win over all others. */
  readonly secrets: ReadonlyMap<string, Injection>;
}

export interface BuiltEnvironment {
  /** Complete, but for the secrets, and for what the runner adds: HOME where none is injected, and the call's mark. */
  readonly env: ReadonlyMap<string, string>;
  /** Names of the client's variables that pass, sorted. */
  readonly passed: readonly string[];
  /** How many of the client's variables do not pass. */
  readonly dropped: number;
}

/** Builds a call's environment. Never throws: what is not allowed is dropped and counted. */
export function buildEnvironment(tool: EnvironmentRules, sent: ReadonlyMap<string, string>): BuiltEnvironment {
  const env = new Map([
    ['PATH', '/usr/local/bin:/usr/bin:/bin'],
    ['USER', tool.user],
    ['LOGNAME', tool.user],
    ['LANG', 'C.UTF-8'],
    ['TERM', 'dumb'],
  ]);
  const passed: string[] = [];
  for (const [name, value] of sent) {
    if (tool.envInject.has(name) || tool.secrets.has(name) || !mayPass(tool.envAllow, name, value)) continue;
    env.set(name, value);
    passed.push(name);
  }
  for (const [name, value] of tool.envInject) env.set(name, value);
  for (const name of tool.secrets.keys()) env.delete(name);
  return { env, passed: passed.sort(), dropped: sent.size - passed.length };
}

function mayPass(allowed: AllowedNames, name: string, value: string): boolean {
  if (!isVariableName(name) || isReserved(name)) return false;
  if (!allowed.names.has(name) && !(allowed.locale && LOCALE_CATEGORIES.has(name))) return false;
  // The C library takes a locale or time zone that holds `/` as the path of a file to load.
  const namesFiles = name === 'LANG' || name === 'LANGUAGE' || name === 'TZ' || name.startsWith('LC_');
  return !(namesFiles && value.includes('/'));
}
