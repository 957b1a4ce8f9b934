/** Attacks on servers and harmless requests, each with its verdict: `test/vectors/decisions/http.json`. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decideRpc } from '../../../src/policy/http/decide-http.ts';
import { parseRpcLine } from '../../../src/protocol/json-rpc.ts';
import { decideSent, type HttpParts, httpToolOf } from './http-policy-of.ts';

interface Vector {
  readonly id: string;
  readonly why: string;
  readonly expect: 'allow' | 'deny';
  readonly tool: string;
  readonly http?: {
    readonly method: string;
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly body: string;
  };
  /** Lines of JSON-RPC; denied where one of them is. */
  readonly stdin?: string;
}

const { policies, cases } = JSON.parse(
  readFileSync(new URL('../../vectors/decisions/http.json', import.meta.url), 'utf8'),
) as { policies: Record<string, HttpParts>; cases: Vector[] };

function verdictOf({ tool: name, http, stdin }: Vector): string {
  const tool = httpToolOf(policies[name] ?? {});
  if (http !== undefined) return decideSent(tool, `${http.method} ${http.path}`, http).verdict;
  const lines = (stdin ?? '').split('\n').filter((line) => line !== '');
  expect(lines.length).toBeGreaterThan(0);
  const decisions = lines.map((line) => decideRpc(new Map([['tool', tool]]), 'tool', parseRpcLine(line)));
  return decisions.every(({ verdict }) => verdict === 'allow') ? 'allow' : 'deny';
}

describe('http.json', () => {
  it.each(cases.map((vector) => [vector.id, vector.why, vector] as const))('%s: %s', (_id, _why, vector) => {
    expect(verdictOf(vector)).toBe(vector.expect);
  });
});
