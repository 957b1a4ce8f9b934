/** Requests that a policy's `tests` try, as a policy writes them. */
import * as z from 'zod';
import { text } from '../schema-fields.ts';
import { headOf } from './request-parts.ts';
import { rpcBodyFrom } from './rpc-data.ts';

const target = text((path) =>
  /^\/[\x21-\x7e]*$/.test(path) ? undefined : "is no path; it begins with '/' and holds no blanks",
);

const http = z.strictObject({
  method: z
    .string()
    .regex(/^[A-Z-]+$/, { error: 'expected a method in capitals' })
    .describe('The method.'),
  path: target.describe('Path and query, as they are sent.'),
  headers: z.record(z.string(), z.string()).optional().describe('Headers by name. Default: none.'),
  body: z
    .unknown()
    .optional()
    .describe('The body: text, or a JSON-RPC message (or a list of them) written as a mapping. Default: none.'),
});

const rpc = z
  .unknown()
  .refine((value) => rpcBodyFrom(value).ok, {
    error: ({ input }) => {
      const body = rpcBodyFrom(input);
      return body.ok ? '' : `no JSON-RPC message: ${body.message}`;
    },
  })
  .describe('A message such as `{method: send, params: {...}}`, whatever the path; or a list of them.');

/** A request, or a message. */
export const testRequest = z.union(
  [
    z.strictObject({ http: http.describe('A request.') }).transform(({ http: { method, path, headers, body } }) => ({
      kind: 'http' as const,
      head: headOf({
        method,
        target: path,
        headers: Object.entries(headers ?? {}),
        hasBody: body !== undefined && body !== '',
      }),
      body: bodyOf(body),
    })),
    z.strictObject({ rpc }).transform(({ rpc: message }) => ({ kind: 'rpc' as const, body: rpcBodyFrom(message) })),
  ],
  { error: 'expected {http: {method: ..., path: ..., headers: ..., body: ...}} or {rpc: {method: ..., params: ...}}' },
);

function bodyOf(body: unknown): ReturnType<typeof rpcBodyFrom> | 'text' | null {
  if (body === undefined || body === '') return null;
  return typeof body === 'string' ? 'text' : rpcBodyFrom(body);
}
