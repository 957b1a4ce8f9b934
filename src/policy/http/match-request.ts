/** What a tool's rules say of a request's line: method, path and query. */
import type { ConsideredRule, Place } from '../../model/decision.ts';
import type { HttpHead } from '../../model/http.ts';
import type { DenyReason } from '../../model/reason.ts';
import { quoted } from '../../model/visible.ts';
import { type HttpMatch, type HttpRule, httpDenyMismatch, matchHttpAllow, type RequestLine } from './http-rule.ts';
import type { HttpTool } from './http-tool.ts';
import { type Parameter, readQuery } from './query-pattern.ts';
import { formatPathOf, readPath, type Segment } from './request-path.ts';

/** A refusal, as a denial says it. */
export interface Refused {
  readonly reason: DenyReason;
  readonly rule: Place | null;
  readonly token: string | null;
  readonly message: string;
}

export type MatchedLine =
  | {
      readonly refused: null;
      readonly rules: readonly ConsideredRule[];
      readonly rule: Place;
      /** As it is sent, placeholders of injected values in it. */
      readonly path: string;
      readonly parameters: readonly Parameter[];
    }
  | { readonly refused: Refused; readonly rules: readonly ConsideredRule[] };

/** Never throws, and takes time linear in the line. */
export function matchLine(tool: HttpTool, { method, path, query }: HttpHead): MatchedLine {
  if (!path.startsWith('/'))
    return refusedBy([], { reason: 'path-refused', token: path, message: "the path does not begin with '/'" });
  const read = readQuery(query);
  if (!read.ok) return refusedBy([], { reason: 'character-refused', token: read.token, message: read.message });
  const forged = read.parameters.find(({ name }) => isInjected(tool, name));
  if (forged !== undefined) {
    const message = `parameter ${quoted(forged.name, 80)} is filled in by the gateway, and may not be sent`;
    return refusedBy([], { reason: 'value-refused', token: forged.name, message });
  }
  return matchRules(tool, { method, path: readPath(plainPlaceholders(tool, path)), parameters: read.parameters });
}

function matchRules({ allow, deny }: HttpTool, line: RequestLine): MatchedLine {
  const allows = allow.map((rule) => ({ rule, match: matchHttpAllow(rule.compiled, line) }));
  const sent = allows.flatMap(({ rule, match }) => (match.ok ? [{ rule, path: match.path }] : []));
  const denies = deny.map((rule) => ({ rule, why: denyMismatch(rule, line, sent) }));
  const rules = [
    ...allows.map(({ rule, match }) => considered('allow', rule, match.ok ? null : match.why)),
    ...denies.map(({ rule, why }) => considered('deny', rule, why)),
  ];
  const denied = denies.find(({ why }) => why === null);
  if (denied !== undefined) {
    const message = 'this request is denied';
    return refusedBy(rules, { reason: 'rule-denies', rule: denied.rule.place, token: null, message });
  }
  const [first] = sent;
  if (first === undefined)
    return refusedBy(
      rules,
      noMatch(
        line,
        allows.map(({ match }) => match),
      ),
    );
  const paths = new Set(sent.map(({ path }) => formatPathOf(path)));
  const [path = '', ...others] = paths;
  // Which rule was written first may not decide what is sent.
  if (others.length > 0) {
    const message = 'rules fill in different paths for this one';
    return refusedBy(rules, { reason: 'path-refused', token: null, message });
  }
  return { refused: null, rules, rule: first.rule.place, path, parameters: line.parameters };
}

/** A deny is about what the client wrote, and about what would be sent. */
function denyMismatch(
  { compiled }: HttpRule,
  line: RequestLine,
  sent: readonly { readonly path: readonly Segment[] }[],
): string | null {
  const why = httpDenyMismatch(compiled, line);
  return sent.some(({ path }) => httpDenyMismatch(compiled, { ...line, path }) === null) ? null : why;
}

/** Of what came nearest: the query, else what no wildcard stands for, else nothing. */
function noMatch({ path }: RequestLine, matches: readonly HttpMatch[]): Omit<Refused, 'rule'> {
  const near = matches.find((match) => !match.ok && match.isNear);
  if (near?.ok === false) {
    const message = `parameter ${quoted(near.token ?? '', 80)} of the query, or its value, is not allowed`;
    return { reason: 'no-rule', token: near.token, message };
  }
  const odd = path.find(
    ({ odd: parts, dots, text }, index) => parts.length > 0 || dots || (text === '' && index < path.length - 1),
  );
  if (odd === undefined) return { reason: 'no-rule', token: null, message: 'no rule allows this method and path' };
  const message = 'no rule allows this path: no wildcard stands for such a segment';
  return { reason: 'path-refused', token: odd.odd[0] ?? odd.text, message };
}

/** Escapes of a placeholder's braces are how most clients send them. */
function plainPlaceholders({ inject }: HttpTool, path: string): string {
  return path.replace(/%7b([\w-]{1,64})%7d/gi, (sent, name: string) => (inject.path.has(name) ? `{${name}}` : sent));
}

/** In whatever case: some servers fold the names of parameters. */
function isInjected({ inject }: HttpTool, name: string): boolean {
  return [...inject.query.keys()].some((each) => each.toLowerCase() === name.toLowerCase());
}

function considered(kind: 'allow' | 'deny', { pattern, place }: HttpRule, why: string | null): ConsideredRule {
  return why === null ? { kind, pattern, place, matched: true } : { kind, pattern, place, matched: false, why };
}

function refusedBy(
  rules: readonly ConsideredRule[],
  refused: Omit<Refused, 'rule'> & { readonly rule?: Place },
): MatchedLine {
  return { rules, refused: { rule: null, ...refused } };
}
