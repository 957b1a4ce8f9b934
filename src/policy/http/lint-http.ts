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

function lintRules(tool: HttpTool, source: HttpToolSource): Finding[] {
  const { allow, deny, inject } = tool;
  const written = source.allow === undefined ? [] : allow;
  const hosts = written.flatMap(({ compiled: { path } }, index) =>
    path.segments[0]?.kind === 'cross' && path.segments.length === 2
      ? [warning(['allow', index], 'allows every path of the server')]
      : [],
  );
  const used = new Set(allow.flatMap(({ compiled }) => compiled.path.placeholders));
  const unused = [...inject.path.keys()].filter((name) => !used.has(name));
  return [
    ...lintMissingRules(tool, source),
    ...hosts,
    ...written.flatMap((rule, index) => unknownPlaceholders(rule, inject.path, ['allow', index])),
    ...deny.flatMap((rule, index) => unknownPlaceholders(rule, inject.path, ['deny', index])),
    ...unused.map((name) => warning(['inject', 'path', name], `no rule has a placeholder {${name}}`)),
  ];
}

/** Without `allow` it is the keys of JSON-RPC that say what is meant. */
function lintMissingRules({ allow }: HttpTool, source: HttpToolSource): Finding[] {
  const events = source.events === undefined ? [] : lintEvents(source.events, source.allow !== undefined);
  if (source.allow !== undefined) return events;
  if (!isRpc(source)) return [...events, warning([], "allows nothing: it has no 'allow'")];
  const meant = allow.map(({ pattern }) => quoted(pattern)).join(' and ');
  return [...events, warning([], `has no 'allow', which means ${meant}, without a query`)];
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

function lintInjections({ inject }: HttpTool, source: HttpToolSource): Finding[] {
  const findings: Finding[] = [];
  const names = Object.keys(source.inject?.headers ?? {}).map((name) => name.toLowerCase());
  if (new Set(names).size < names.length) findings.push(error(['inject', 'headers'], 'names a header twice'));
  if (inject.basic !== null && inject.headers.has('authorization'))
    findings.push(error(['inject', 'basic'], 'sets Authorization, and so does inject.headers'));
  const forged = (source.request_headers ?? []).flatMap((name, index) =>
    inject.headers.has(name.toLowerCase())
      ? [warning(['request_headers', index], `${name} is also in inject.headers, which wins`)]
      : [],
  );
  return [...findings, ...forged, ...lintValues(inject, source)];
}

function lintValues(inject: HttpTool['inject'], source: HttpToolSource): Finding[] {
  return (['headers', 'query', 'path'] as const).flatMap((kind) =>
    Object.entries(source.inject?.[kind] ?? {}).flatMap(([name, value]) => {
      const injection = inject[kind].get(kind === 'headers' ? name.toLowerCase() : name);
      const messages = lintInjection(value, injection?.redacted === true ? injection : undefined);
      return messages.map((message) => warning(['inject', kind, name], message));
    }),
  );
}

function lintRpc({ rpc, websocket }: HttpTool, source: HttpToolSource): Finding[] {
  if (rpc === null) {
    const message = 'has no meaning without jsonrpc_allow_methods';
    return source.server_allow_methods === undefined ? [] : [warning(['server_allow_methods'], message)];
  }
  const unseen = 'what passes through a WebSocket is not looked at, so it does not go with jsonrpc_* keys';
  const nothing = 'allows no JSON-RPC: jsonrpc_allow_methods names no method';
  return [
    ...(websocket ? [error(['websocket'], unseen)] : []),
    ...(rpc.allow.size === 0 ? [warning([], nothing)] : []),
    ...lintMethods('jsonrpc_allow_methods', source),
    ...lintMethods('jsonrpc_deny_methods', source),
    ...Array.from(rpc.filters, ([method, { filters }]) => lintFilters(method, filters, rpc.allow.has(method))).flat(),
  ];
}

function lintMethods(key: 'jsonrpc_allow_methods' | 'jsonrpc_deny_methods', source: HttpToolSource): Finding[] {
  const methods = source[key] ?? [];
  return methods.flatMap((method, index) =>
    method.includes('*') ? [warning([key, index], "'*' is itself; name each method")] : [],
  );
}

function lintFilters(method: string, filters: readonly Filter[], isAllowed: boolean): Finding[] {
  const messages = [
    ...(isAllowed ? [] : ['is not in jsonrpc_allow_methods, so it is denied']),
    ...(saysKeys(filters) ? [] : ["has no 'allow_keys': any other parameter passes, whatever it does"]),
    ...emptyFilters(filters),
  ];
  return messages.map((message) => warning(['jsonrpc_param_filters', method], message));
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
