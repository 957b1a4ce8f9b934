/** What a policy may say of a capability of `type: http`. */
import * as z from 'zod';
import { contentRules } from '../content/content-schema.ts';
import { count, fixedPathProblem, parsed, size, text } from '../schema-fields.ts';
import { injected } from '../schema-injection.ts';
import { auditShape, expectation, MAX_CALLS, MAX_SECONDS, rateLimit } from '../schema-shared.ts';
import { fieldShape, filterOf, filterProblem, methodFilters } from './filter-schema.ts';
import { injectedHeaderProblem, requestHeaderProblem, responseHeaderProblem } from './header-rules.ts';
import { compileHttpPattern } from './http-rule.ts';
import { testRequest } from './test-schema.ts';
import { parseUpstream } from './upstream.ts';

const rules = z.array(
  parsed((pattern) => {
    const compiled = compileHttpPattern(pattern);
    return compiled.ok ? { ok: true, value: { pattern, compiled: compiled.pattern } } : compiled;
  }),
);

const methods = z.array(z.string().min(1));

const queryName = text((name) => (/^[\x21-\x7e]{1,128}$/.test(name) ? undefined : 'is no name of a parameter'));
const placeholder = text((name) => (/^[\w-]{1,64}$/.test(name) ? undefined : 'is no name of a placeholder'));

export const inject = z.strictObject({
  headers: z
    .record(text(injectedHeaderProblem), injected)
    .optional()
    .describe('Headers by name, in the form of `env_inject`: `Authorization: "Bearer ${secret:NAME}"`. Default: none.'),
  query: z
    .record(queryName, injected)
    .optional()
    .describe('Parameters of the query by name. A request that sends one of them is refused. Default: none.'),
  path: z
    .record(placeholder, injected)
    .optional()
    .describe(
      'Parts of the path by the name of their placeholder: `{token}` in a rule. The client sends the placeholder itself, or nothing there. Default: none.',
    ),
  basic: z
    .strictObject({
      user: injected.describe('The name of the user.'),
      password: injected.describe('The password.'),
    })
    .optional()
    .describe('`Authorization: Basic`. Default: none.'),
});

const sseFilter = z
  .strictObject({
    event: z
      .string()
      .min(1)
      .optional()
      .describe('Name of the event that the filter is about; one without a name is a `message`. Default: every event.'),
    ...fieldShape,
  })
  .superRefine((source, context) => {
    const problem = filterProblem(source);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .transform(({ event, ...source }) => ({ event, filter: filterOf(source, undefined) }));

const audit = z.strictObject({
  ...auditShape,
  enabled: z
    .boolean()
    .optional()
    .describe(
      '`false` leaves path, query and parameters out of the audit records. Default: `true`. Nothing goes unrecorded.',
    ),
  log_argv: z.boolean().optional().describe('Has no meaning for `type: http`.'),
  log_body: z
    .boolean()
    .optional()
    .describe('Whether audit records hold the bodies of JSON-RPC requests, redacted by name. Default: `false`.'),
});

/** A tool of `type: http`. */
export const httpTool = z.strictObject({
  type: z.literal('http').describe('A server that the gateway reaches, and clients reach by forwarding.'),
  upstream: parsed(parseUpstream).describe(
    'Where requests go: `https://HOST`, with a port and a base path where there are some. `http` only on this host.',
  ),
  plain_http: z.boolean().optional().describe('`true`: `http` to another host is meant. Default: `false`.'),
  private: z
    .boolean()
    .optional()
    .describe(
      '`true`: the name of the upstream may stand for a private, loopback or link-local address. An address that is written out is always meant. Default: `false`.',
    ),
  ca: text(fixedPathProblem)
    .optional()
    .describe(
      "Absolute path of a file of certificates (PEM) to trust in place of the system's. Default: the system's.",
    ),
  client_cert: injected
    .optional()
    .describe('The certificate (PEM) that the gateway proves itself with, as in `env_inject`. Default: none.'),
  client_key: injected.optional().describe('Its private key (PEM), likewise.'),
  client_listen: count(1, 65_535)
    .optional()
    .describe('The port that the agent on the client machine opens for it. Default: one that is free.'),
  allow: rules
    .optional()
    .describe(
      'Requests that are allowed: `METHOD PATH?QUERY`. `*` is one segment of the path or part of one, `**` any number. Default: none; with `jsonrpc_*` keys alone, POST of JSON-RPC to any path, and GET of `events`.',
    ),
  deny: rules
    .optional()
    .describe(
      'Requests that are denied, with all below their path and any query. A matching one beats any allow. Default: none.',
    ),
  inject: inject
    .optional()
    .describe('What the gateway puts into requests. It wins over what the client sends. Default: nothing.'),
  request_headers: z
    .array(text(requestHeaderProblem))
    .optional()
    .describe('Names of further headers that pass from the client, beside the ordinary ones. Default: none.'),
  response_headers: z
    .array(text(responseHeaderProblem))
    .optional()
    .describe('Names of further headers that pass to the client, beside the ordinary ones. Default: none.'),
  jsonrpc_allow_methods: methods
    .optional()
    .describe('Methods of JSON-RPC that are allowed, as they are written. Default: none, so nothing is.'),
  jsonrpc_deny_methods: methods.optional().describe('Methods that are denied. They beat any allow. Default: none.'),
  jsonrpc_param_filters: z
    .record(z.string(), methodFilters)
    .optional()
    .describe(
      'By method: what its parameters have to be; one filter, or a list of which all have to hold. Default: none.',
    ),
  server_allow_methods: methods
    .optional()
    .describe(
      'Methods that the server may call on the client (MCP): the client may then send answers. Default: none, and no answers pass.',
    ),
  events: text((path) => (path.startsWith('/') ? undefined : "does not begin with '/'"))
    .optional()
    .describe('Where there is no `allow`: the path of the event stream. Default: `/api/v1/events`.'),
  sse_filters: z
    .array(sseFilter)
    .optional()
    .describe(
      'Which events of event streams pass to the client: those that a filter is about, where all filters about them hold. Default: all.',
    ),
  websocket: z.boolean().optional().describe('`true`: an allowed GET may become a WebSocket. Default: `false`.'),
  redact: z.boolean().optional().describe('`false`: what was injected is not taken out of answers. Default: `true`.'),
  output_deny: contentRules
    .optional()
    .describe('What answers may not hold: names of detectors, or mappings with an action. Default: none.'),
  input_deny: contentRules
    .optional()
    .describe('What requests may not hold, in path, query, headers and body, in the same form. Default: none.'),
  rate_limit: rateLimit.nullish().describe('Requests that one client may make in a time. Default (`null`): no limit.'),
  timeout_secs: count(1, MAX_SECONDS)
    .nullish()
    .describe("Seconds until the answer's first byte. Default (`null`): 30."),
  idle_secs: count(1, MAX_SECONDS)
    .nullish()
    .describe('Seconds between two bytes of an answer. Default (`null`): as long as it takes.'),
  max_body_bytes: size
    .optional()
    .describe("Bytes of a request's body, as a number or as text such as `10MiB`. Default: 10MiB."),
  max_concurrent: count(1, MAX_CALLS)
    .optional()
    .describe('Requests that one client may have open at once, streams among them. Default: 256.'),
  max_concurrent_total: count(1, MAX_CALLS)
    .optional()
    .describe('Requests that all clients together may have open at once. Default: 1024.'),
  audit: audit
    .optional()
    .describe('What the audit log holds of the requests. Default: all but bodies, redacted by name.'),
  show_patterns: z
    .boolean()
    .optional()
    .describe('Whether the built-in word `tools` shows what is allowed to clients. Default: `true`.'),
  tests: z
    .array(expectation(testRequest, '`{http: {method, path, headers, body}}` or `{rpc: {method, params}}`'))
    .optional()
    .describe(
      'Requests with the verdict that each must get, tried by `carapace policy test` and whenever the policy is loaded. Default: none.',
    ),
});

export type HttpToolSource = z.infer<typeof httpTool>;
