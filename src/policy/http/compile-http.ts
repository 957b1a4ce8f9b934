/** Makes a tool of what the schema accepted of `type: http`: defaults filled in, places kept. */
import type { Place } from '../../model/decision.ts';
import type { HttpInjections, HttpLimits, Upstream } from '../../model/http.ts';
import type { Injection } from '../../model/injection.ts';
import { compileInjection } from '../compile-injection.ts';
import type { DocumentPath, PolicyDocument } from '../document.ts';
import type { InjectedSource } from '../schema-injection.ts';
import { compileHttpPattern, type HttpRule } from './http-rule.ts';
import type { HttpToolSource } from './http-schema.ts';
import type { HttpAudit, HttpTest, HttpTool } from './http-tool.ts';
import { knownKeys } from './known-methods.ts';
import type { Filter } from './param-filter.ts';
import { filterOf } from './filter-schema.ts';
import type { MethodFilters, RpcRules } from './rpc-rules.ts';
import { compileSseFilter } from './sse-filter.ts';
import { isWrittenAddress } from './upstream.ts';

/** Compiles one tool. Never throws. */
export function compileHttpTool(name: string, source: HttpToolSource, document: PolicyDocument): HttpTool {
  const path: DocumentPath = ['tools', name];
  return {
    type: 'http',
    name,
    place: document.placeOfKey(path),
    upstream: upstreamOf(source),
    clientListen: source.client_listen ?? null,
    allow: allowOf(path, source, document),
    deny: placed(document, [...path, 'deny'], source.deny ?? []),
    rpc: rpcOf(path, source, document),
    inject: injectionsOf(source),
    requestHeaders: lowerCase(source.request_headers),
    responseHeaders: lowerCase(source.response_headers),
    sseFilter: compileSseFilter(source.sse_filters),
    websocket: source.websocket ?? false,
    limits: limitsOf(source),
    redact: source.redact ?? true,
    content: { output: source.output_deny ?? [], input: source.input_deny ?? [] },
    audit: auditOf(source),
    showPatterns: source.show_patterns ?? true,
    tests: testsOf(path, source, document),
  };
}

/** True where rules are about JSON-RPC. */
export function isRpc(source: HttpToolSource): boolean {
  const { jsonrpc_allow_methods: allow, jsonrpc_deny_methods: deny, jsonrpc_param_filters: filters } = source;
  return allow !== undefined || deny !== undefined || filters !== undefined;
}

function upstreamOf(source: HttpToolSource): Upstream {
  const { upstream, client_cert: certificate, client_key: key } = source;
  const isBoth = certificate !== undefined && key !== undefined;
  return {
    ...upstream,
    allowPrivate: source.private === true || isWrittenAddress(upstream),
    caFile: source.ca ?? null,
    clientCertificate: isBoth
      ? {
          certificate: compileInjection('client_cert', certificate, false),
          key: compileInjection('client_key', key, true),
        }
      : null,
  };
}

/** The predecessor's policies have no `allow`: JSON-RPC anywhere, and the stream of events. */
function allowOf(path: DocumentPath, source: HttpToolSource, document: PolicyDocument): readonly HttpRule[] {
  if (source.allow !== undefined) return placed(document, [...path, 'allow'], source.allow);
  if (!isRpc(source)) return [];
  const place = document.placeOfKey(path);
  return ['POST /**', `GET ${source.events ?? DEFAULT_EVENTS}`].flatMap((pattern) => {
    const compiled = compileHttpPattern(pattern);
    return compiled.ok ? [{ pattern, place, compiled: compiled.pattern }] : [];
  });
}

const DEFAULT_EVENTS = '/api/v1/events';

function placed(document: PolicyDocument, path: DocumentPath, rules: NonNullable<HttpToolSource['allow']>): HttpRule[] {
  return rules.map((rule, index) => ({ ...rule, place: document.placeOf([...path, index]) }));
}

function rpcOf(path: DocumentPath, source: HttpToolSource, document: PolicyDocument): RpcRules | null {
  if (!isRpc(source)) return null;
  const named = (key: 'jsonrpc_allow_methods' | 'jsonrpc_deny_methods'): ReadonlyMap<string, Place> =>
    new Map((source[key] ?? []).map((method, index) => [method, document.placeOf([...path, key, index])]));
  const filters = Object.entries(source.jsonrpc_param_filters ?? {}).map(([method, each]): [string, MethodFilters] => {
    const place = document.placeOf([...path, 'jsonrpc_param_filters', method]);
    return [method, { filters: withKnownKeys(method, each), place }];
  });
  const answers =
    (source.server_allow_methods ?? []).length > 0 ? document.placeOf([...path, 'server_allow_methods']) : null;
  return {
    allow: named('jsonrpc_allow_methods'),
    deny: named('jsonrpc_deny_methods'),
    filters: new Map(filters),
    answers,
  };
}

/** Where the policy does not say which parameters there may be: those that it filters, and those known to be harmless. */
function withKnownKeys(method: string, filters: readonly Filter[]): readonly Filter[] {
  const known = knownKeys(method);
  if (known === undefined || saysKeys(filters)) return filters;
  const filtered = filters.flatMap((filter) => (filter.kind === 'any-of' ? filter.anyOf.flat() : [filter]));
  const own = filtered.flatMap((filter) => (filter.kind === 'field' ? (filter.steps[0]?.key ?? []) : []));
  return [filterOf({}, [...known, ...own]), ...filters];
}

/** Whether the filters of a method bind the keys of its parameters, whichever of several holds. */
export function saysKeys(filters: readonly Filter[]): boolean {
  return filters.some((filter) =>
    filter.kind === 'any-of' ? filter.anyOf.every(saysKeys) : filter.allowKeys !== null,
  );
}

function injectionsOf({ inject, redact }: HttpToolSource): HttpInjections {
  const compiled = (
    sources: Readonly<Record<string, InjectedSource>> | undefined,
    nameOf: (name: string) => string = (name) => name,
  ): ReadonlyMap<string, Injection> =>
    new Map(
      Object.entries(sources ?? {}).map(([name, each]) => [
        nameOf(name),
        compileInjection(name, each, undefined, redact),
      ]),
    );
  const basic = inject?.basic;
  return {
    headers: compiled(inject?.headers, (name) => name.toLowerCase()),
    query: compiled(inject?.query),
    path: compiled(inject?.path),
    basic:
      basic === undefined
        ? null
        : {
            user: compileInjection('user', basic.user, false, redact),
            password: compileInjection('password', basic.password, true, redact),
          },
  };
}

function limitsOf(source: HttpToolSource): HttpLimits {
  const { rate_limit: rate, timeout_secs: timeout, idle_secs: idle } = source;
  return {
    timeLimitMs: (timeout ?? 30) * 1000,
    idleLimitMs: idle == null ? null : idle * 1000,
    maxBodyBytes: source.max_body_bytes ?? 10 * 1024 ** 2,
    maxConcurrent: source.max_concurrent ?? 256,
    maxConcurrentTotal: source.max_concurrent_total ?? 1024,
    rateLimit: rate == null ? null : { maxRequests: rate.max_requests, windowMs: rate.window_secs * 1000 },
  };
}

function auditOf({ audit }: HttpToolSource): HttpAudit {
  return {
    logRequest: audit?.enabled ?? true,
    logBody: audit?.log_body ?? false,
    redactPatterns: audit?.redact_patterns ?? [],
  };
}

function lowerCase(names: readonly string[] | undefined): ReadonlySet<string> {
  return new Set((names ?? []).map((name) => name.toLowerCase()));
}

function testsOf(path: DocumentPath, source: HttpToolSource, document: PolicyDocument): HttpTest[] {
  return (source.tests ?? []).flatMap(({ allow, deny, reason = null }, index) => {
    const request = allow ?? deny;
    if (request === undefined) return [];
    const place = document.placeOf([...path, 'tests', index]);
    return [{ place, expect: allow === undefined ? 'deny' : 'allow', reason, request }];
  });
}
