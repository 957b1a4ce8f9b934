import { describe, expect, it } from 'vitest';
import { resolveInjections } from '../../../src/engine/secrets/resolve-injections.ts';
import type { Injected } from '../../../src/engine/secrets/resolve-injections.ts';
import type { Resolution } from '../../../src/engine/secrets/resolver.ts';
import { describeReference } from '../../../src/model/injection.ts';
import type { Injection, Reference } from '../../../src/model/injection.ts';
import { Secret } from '../../../src/model/secret.ts';
import { expectProblem, MARK, oauth2 } from './resolver-fixtures.ts';

type Part = string | Reference;

/** Values by reference as it is described; what is not in it fails. Notes what is asked and what has ended. */
function resolverOf(values: Readonly<Record<string, string>>, order: string[] = []) {
  return {
    resolve: async (reference: Reference): Promise<Resolution> => {
      const name = describeReference(reference);
      order.push(name);
      const value = values[name];
      // Failures come first, so that nobody who gives up at the first one waits for the values.
      if (value !== undefined) for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      order.push(`${name} ended`);
      if (value !== undefined) return { ok: true, value: new Secret(value) };
      return { ok: false, problem: `${name}: is gone`, retryAfterMs: 1000 * name.length };
    },
  };
}

function inject(parts: readonly Part[], redacted = true): Injection {
  return { parts, redacted };
}

const token: Reference = { kind: 'secret', name: 'token' };
const other: Reference = { kind: 'env', name: 'OTHER' };
const file: Reference = { kind: 'file', path: '/etc/token' };
const command: Reference = { kind: 'command', argv: ['/bin/x'], timeLimitMs: 1, cacheMs: 0 };
const VALUES = {
  'secret token': `${MARK}-1`,
  'env OTHER': `${MARK}-2`,
  'file /etc/token': `${MARK}-3`,
  'command /bin/x': `${MARK}-4`,
  'oauth2 grant': `${MARK}-5`,
};

function run(
  injections: Readonly<Record<string, Injection>>,
  values: Readonly<Record<string, string>> = VALUES,
  carrier: 'environment' | 'header' = 'environment',
): Promise<Injected> {
  return resolveInjections(new Map(Object.entries(injections)), resolverOf(values), carrier);
}

async function redacted(injections: Readonly<Record<string, Injection>>): Promise<(readonly [string, string])[]> {
  const injected = await run(injections);
  return injected.ok ? injected.redactions.map(({ name, value }) => [name, value.reveal()] as const) : [];
}

describe('the values of a call', () => {
  it('are put together from text and references', async () => {
    const injected = await run({
      A: inject(['Bearer ', token]),
      B: inject([other, ':', token]),
      C: inject(['plain'], false),
    });
    expect(injected.ok && [...injected.values]).toEqual([
      ['A', `Bearer ${MARK}-1`],
      ['B', `${MARK}-2:${MARK}-1`],
      ['C', 'plain'],
    ]);
  });

  it('are none where there is nothing to inject', async () => {
    expect(await run({})).toEqual({ ok: true, values: new Map(), redactions: [] });
  });

  it('are looked up once each and together, and nothing else is', async () => {
    const order: string[] = [];
    const injections = new Map([
      ['A', inject([token, other])],
      ['B', inject([token])],
    ]);
    await resolveInjections(injections, resolverOf(VALUES, order), 'environment');
    expect(order).toEqual(['secret token', 'env OTHER', 'secret token ended', 'env OTHER ended']);
  });

  it('are all there or none, and every lookup has ended then', async () => {
    const order: string[] = [];
    const injections = new Map([
      ['A', inject([token])],
      ['B', inject([other])],
      ['C', inject([file])],
    ]);
    const injected = await resolveInjections(injections, resolverOf({ 'secret token': MARK }, order), 'environment');
    expectProblem(injected, 'env OTHER: is gone; file /etc/token: is gone');
    expect(injected).toMatchObject({ retryAfterMs: 1000 * 'file /etc/token'.length });
    expect(injected).not.toHaveProperty('values');
    expect(order.at(-1)).toBe('secret token ended');
    expectProblem(
      await run({ A: inject([token]), B: inject([other]) }, { 'secret token': MARK }),
      'env OTHER: is gone',
    );
  });

  it('are refused under 8 bytes, which could not be redacted, unless that is meant', async () => {
    const short = { 'secret token': '1234567', 'env OTHER': '☃☃☃' };
    const why = 'is shorter than 8 bytes, so it cannot be redacted; redact: false on it if that is meant';
    expectProblem(await run({ A: inject(['Bearer ', token]) }, short), `secret token: ${why}`);
    expect(await run({ A: inject([token], false), B: inject([other]) }, short)).toMatchObject({ ok: true });
    expect(await run({ A: inject(['1234567']) }, short)).toMatchObject({ ok: true, redactions: [] });
  });

  it('hold no NUL, and in a header no other control character', async () => {
    const held = { 'secret token': `${MARK}\nx`, 'env OTHER': `${MARK}\0` };
    expect(await run({ A: inject([token]) }, held)).toMatchObject({ ok: true });
    expectProblem(await run({ A: inject([other]) }, held), 'env OTHER: holds a NUL byte');
    for (const char of ['\n', '\r', '\0', '\x1b', '\x7f', '\b']) {
      const injected = await run({ A: inject(['Bearer ', token]) }, { 'secret token': `${MARK}${char}` }, 'header');
      expectProblem(injected, 'secret token: holds a control character, which no header can carry');
    }
    expect(await run({ A: inject([token]) }, { 'secret token': `${MARK}\t é` }, 'header')).toMatchObject({ ok: true });
    const literal = await run({ Authorization: inject([`${MARK}\n`]) }, {}, 'header');
    expectProblem(literal, 'value of Authorization: holds a control character, which no header can carry');
  });

  it('fit into a variable of the environment', async () => {
    const fits = 131_072 - 'A=x'.length - 1;
    const held = { 'secret token': 'x'.repeat(fits), 'env OTHER': MARK.padEnd(fits + 1, 'x') };
    expect(await run({ A: inject(['x', token]) }, held)).toMatchObject({ ok: true });
    const why = 'variable A: is longer than 131072 bytes, which no program can be started with';
    expectProblem(await run({ A: inject(['x', other]) }, held), why);
    expect(await run({ A: inject(['x', other]) }, held, 'header')).toMatchObject({ ok: true });
  });
});

describe('what is redacted of them', () => {
  it('is each reference, by its name, or by the name that it is injected as where it has none', async () => {
    const references = {
      A: token,
      B: other,
      C: file,
      D: command,
      E: oauth2('https://x/'),
      F: { kind: 'credential', name: 'c' },
    } as const;
    const injections = Object.fromEntries(Object.entries(references).map(([name, part]) => [name, inject([part])]));
    const values = { ...VALUES, 'credential c': `${MARK}-6` };
    const injected = await run(injections, values);
    const names = injected.ok ? injected.redactions.map(({ name, value }) => `${name} ${value.reveal()}`) : [];
    expect(names).toEqual(['token', 'OTHER', 'C', 'D', 'E', 'c'].map((name, index) => `${name} ${MARK}-${index + 1}`));
  });

  it('is not the text around a reference', async () => {
    expect(await redacted({ A: inject(['Bearer of the ', token]) })).toEqual([['token', `${MARK}-1`]]);
  });

  it('is all of a literal that is a secret', async () => {
    expect(await redacted({ API_KEY: inject(['12345678']) })).toEqual([['API_KEY', '12345678']]);
  });

  it('is nothing of what the policy leaves as it is', async () => {
    expect(await redacted({ A: inject([token], false), B: inject(['12345678'], false) })).toEqual([]);
  });

  it('is each value once', async () => {
    expect(await redacted({ A: inject([token]), B: inject(['x', token]), C: inject([`${MARK}-1`]) })).toEqual([
      ['token', `${MARK}-1`],
    ]);
  });
});
