/** Attacks and harmless calls, each with its verdict: `test/vectors/decisions/*.json`. A report of a defect becomes a line there. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openRequestedDirectory } from '../../src/engine/working-directory.ts';
import { isToolName } from '../../src/model/request.ts';
import { decideTool } from '../../src/policy/decide.ts';
import { goodPolicy, policyText } from './policy-of.ts';

interface Vector {
  readonly id: string;
  readonly why: string;
  readonly tool: string;
  /** The tools that the policy has; default: the called one. */
  readonly configured?: readonly string[];
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly env_allow?: readonly string[];
  readonly env_inject?: Readonly<Record<string, string>>;
  readonly cwd_allowed?: readonly string[];
  readonly argv: readonly (string | { readonly repeat: string; readonly times: number })[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly expect: 'allow' | 'deny';
  /** `dropped`: a call that runs without the variables it sent is refused well enough. */
  readonly or?: 'dropped';
  readonly max_ms?: number;
}

const folder = new URL('../vectors/decisions/', import.meta.url);
const root = realpathSync(mkdtempSync(join(tmpdir(), 'carapace-vectors-')));
mkdirSync(join(root, 'src'));
symlinkSync('/', join(root, 'link'));
afterAll(() => rmSync(root, { recursive: true }));

/** /srv/proj of the vectors is a directory with `src` in it, and `link`, which leads to `/`. */
function placed(path: string): string {
  return path.replace(/^\/srv\/proj(?=\/|\0|$)/, root);
}

// Those of requests to servers have a form of their own: http/vectors.test.ts.
for (const file of readdirSync(folder).filter((name) => name !== 'http.json')) {
  const vectors = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Vector[];
  describe(file, () => {
    it.each(vectors.map((vector) => [vector.id, vector.why, vector] as const))('%s: %s', (_id, _why, vector) => {
      const names = (vector.configured ?? [vector.tool]).filter(isToolName);
      const { allow, deny, env_allow, env_inject } = vector;
      const cwd_allowed = vector.cwd_allowed?.map(placed);
      const parts = { allow, deny, env_allow, env_inject, cwd_allowed };
      const tools = new Map(names.flatMap((name) => [...goodPolicy(policyText(name, parts)).tools]));
      const argv = vector.argv.map((word) => (typeof word === 'string' ? word : word.repeat.repeat(word.times)));
      const env = new Map(Object.entries(vector.env ?? {}));
      const request = { tool: vector.tool, argv, env, cwd: vector.cwd === undefined ? undefined : placed(vector.cwd) };

      const directory = openRequestedDirectory(tools.get(vector.tool), request);
      const started = performance.now();
      const decision = decideTool(tools, request, directory);
      if (vector.max_ms !== undefined) expect(performance.now() - started).toBeLessThan(vector.max_ms);
      if (vector.or === 'dropped' && decision.verdict === 'allow') {
        expect(decision.env).toEqual([]);
        for (const [name, value] of env) expect(decision.permit.env.get(name)).not.toBe(value);
      } else expect(decision.verdict).toBe(vector.expect);
    });
  });
}

describe('the tree of the vectors', () => {
  it('allows what lies in it', () => {
    const { tools } = goodPolicy(policyText('ls', { allow: ['-l'], cwd_allowed: [root] }));
    for (const cwd of [undefined, root, join(root, 'src')]) {
      const request = { tool: 'ls', argv: ['-l'], env: new Map(), cwd };
      const decision = decideTool(tools, request, openRequestedDirectory(tools.get('ls'), request));
      expect(decision.verdict === 'allow' && decision.permit.cwd?.path).toBe(cwd ?? root);
    }
  });
});
