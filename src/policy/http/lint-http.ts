/** What a policy says of a server that cannot be meant (errors), or probably is not (warnings). */
import type { Problem } from '../../model/problem.ts';
import { quoted } from '../../model/visible.ts';
import { type DocumentPath, formatPath, type PolicyDocument } from '../document.ts';
import { lintInjection } from '../lint-injection.ts';
import { isRpc, saysKeys } from './compile-http.ts';
import { compileHttpPattern, type HttpRule } from './http-rule.ts';
import type { HttpToolSource } from './http-schema.ts';
import type { HttpTool } from './http-tool.ts';
import type { Filter } from './param-filter.ts';
import { isLoopback } from './upstream.ts';

interface Finding {
  readonly severity: Problem['severity'];
  /** Within the tool. */
  readonly path: DocumentPath;
  readonly message: string;
}

/** Looks at a tool that the schema accepted. Never throws. */
export function lintHttpTool(tool: HttpTool, source: HttpToolSource, document: PolicyDocument): Problem[] {
  const findings = [
    ...lintUpstream(source),
    ...lintRules(tool, source),
    ...lintInjections(tool, source),
    ...lintRpc(tool, source),
    ...lintRest(source),
  ];
  return findings.map(({ severity, path, message }): Problem => {
    const whole = ['tools', tool.name, ...path];
    return { severity, place: document.placeOf(whole), path: formatPath(whole), message };
  });
}

function error(path: DocumentPath, message: string): Finding {
  return { severity: 'error', path, message };
}

function warning(path: DocumentPath, message: string): Finding {
  return { severity: 'warning', path, message };
}

function lintUpstream({
  upstream,
  plain_http: plain,
  inject,
  client_cert: cert,
  client_key: key,
}: HttpToolSource): Finding[] {
  const findings: Finding[] = [];
  if (upstream.protocol === 'http:' && !isLoopback(upstream)) {
    if (plain !== true)
      findings.push(error(['upstream'], "is http to another host; write https, or 'plain_http: true'"));
    else if (inject !== undefined)
      findings.push(warning(['upstream'], 'is http to another host: what is injected can be read on the way'));
  }
  if ((cert === undefined) !== (key === undefined))
    findings.push(error([cert === undefined ? 'client_key' : 'client_cert'], 'client_cert and client_key go together'));
  return findings;
}

function lintRules({ allow, deny, inject }: HttpTool, source: HttpToolSource): Finding[] {
  const findings: Finding[] = [];
  if (source.allow === undefined && !isRpc(source)) findings.push(warning([], "allows nothing: it has no 'allow'"));
  if (source.allow === undefined && isRpc(source)) {
    const message = `has no 'allow', which means ${allow.map(({ pattern }) => quoted(pattern)).join(' and ')}, without a query`;
    findings.push(warning([], message));
  }
  if (source.events !== undefined) findings.push(...lintEvents(source.events, source.allow !== undefined));
  const written = source.allow === undefined ? [] : allow;
  for (const [index, { compiled }] of written.entries()) {
    const [first] = compiled.path.segments;
    if (first?.kind === 'cross' && compiled.path.segments.length === 2)
      findings.push(warning(['allow', index], 'allows every path of the server'));
  }
  for (const [key, rules] of [
    ['allow', written],
    ['deny', deny],
  ] as const) {
    for (const [index, rule] of rules.entries()) findings.push(...unknownPlaceholders(rule, inject.path, [key, index]));
  }
  const used = new Set(allow.flatMap(({ compiled }) => compiled.path.placeholders));
  for (const name of inject.path.keys()) {
    if (!used.has(name)) findings.push(warning(['inject', 'path', name], `no rule has a placeholder {${name}}`));
  }
  return findings;
}

function lintEvents(events: string, isIgnored: boolean): Finding[] {
  if (isIgnored) return [warning(['events'], "has no meaning beside 'allow'")];
  const compiled = compileHttpPattern(`GET ${events}`);
  return compiled.ok ? [] : [error(['events'], compiled.message)];
}

function unknownPlaceholders(
  { compiled }: HttpRule,
  known: ReadonlyMap<string, unknown>,
  path: DocumentPath,
): Finding[] {
  return compiled.path.placeholders
    .filter((name) => !known.has(name))
    .map((name) => error(path, `{${name}} is filled in from inject.path.${name}, which is not there`));
}

function lintInjections({ inject, requestHeaders }: HttpTool, source: HttpToolSource): Finding[] {
  const findings: Finding[] = [];
  const names = Object.keys(source.inject?.headers ?? {}).map((name) => name.toLowerCase());
  if (new Set(names).size < names.length) findings.push(error(['inject', 'headers'], 'names a header twice'));
  if (inject.basic !== null && inject.headers.has('authorization'))
    findings.push(error(['inject', 'basic'], 'sets Authorization, and so does inject.headers'));
  for (const [index, name] of (source.request_headers ?? []).entries()) {
    if (requestHeaders.has(name.toLowerCase()) && inject.headers.has(name.toLowerCase()))
      findings.push(warning(['request_headers', index], `${name} is also in inject.headers, which wins`));
  }
  for (const kind of ['headers', 'query', 'path'] as const) {
    for (const [name, value] of Object.entries(source.inject?.[kind] ?? {})) {
      const injection = inject[kind].get(kind === 'headers' ? name.toLowerCase() : name);
      const secret = injection?.redacted === true ? injection : undefined;
      for (const message of lintInjection(value, secret)) findings.push(warning(['inject', kind, name], message));
    }
  }
  return findings;
}

function lintRpc({ rpc, websocket }: HttpTool, source: HttpToolSource): Finding[] {
  if (rpc === null) {
    return source.server_allow_methods === undefined
      ? []
      : [warning(['server_allow_methods'], 'has no meaning without jsonrpc_allow_methods')];
  }
  const findings: Finding[] = [];
  if (websocket)
    findings.push(
      error(['websocket'], 'what passes through a WebSocket is not looked at, so it does not go with jsonrpc_* keys'),
    );
  if (rpc.allow.size === 0) findings.push(warning([], 'allows no JSON-RPC: jsonrpc_allow_methods names no method'));
  for (const key of ['jsonrpc_allow_methods', 'jsonrpc_deny_methods'] as const) {
    for (const [index, method] of (source[key] ?? []).entries())
      if (method.includes('*')) findings.push(warning([key, index], "'*' is itself; name each method"));
  }
  for (const [method, { filters }] of rpc.filters) {
    const path = ['jsonrpc_param_filters', method];
    if (!rpc.allow.has(method)) findings.push(warning(path, 'is not in jsonrpc_allow_methods, so it is denied'));
    if (!saysKeys(filters))
      findings.push(warning(path, "has no 'allow_keys': any other parameter passes, whatever it does"));
    findings.push(...emptyFilters(filters).map((message) => warning(path, message)));
  }
  return findings;
}

function emptyFilters(filters: readonly Filter[]): string[] {
  return filters.flatMap((filter) => {
    if (filter.kind === 'any-of') return filter.anyOf.flatMap(emptyFilters);
    const { field, allow, deny, fieldKeys } = filter;
    if (field === null || fieldKeys !== null) return [];
    if (allow !== null && allow.patterns.length + allow.values.length === 0)
      return [`allows no value of ${quoted(field, 80)}: an empty list allows nothing`];
    return allow === null && deny.length === 0 ? [`any text passes as ${quoted(field, 80)}`] : [];
  });
}

function lintRest({ audit, sse_filters: filters }: HttpToolSource): Finding[] {
  const findings: Finding[] = [];
  if (audit?.log_argv === true) findings.push(warning(['audit', 'log_argv'], 'has no meaning for an http tool'));
  if (filters?.length === 0) findings.push(warning(['sse_filters'], 'is empty, so no event passes'));
  return findings;
}
