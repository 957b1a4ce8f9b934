import { generateHybridIdentity, generateX25519Identity } from 'age-encryption';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findContent } from '../../../src/policy/content/content-rules.ts';
import { DETECTOR_GROUPS, DETECTORS } from '../../../src/policy/content/detectors.ts';
import { SAMPLES, type Samples } from './samples.ts';
import { bytesOf, redactWhole, rulesFor, scan } from './scanning.ts';

const age = await generateX25519Identity();
const ageChanged = age.slice(0, -1) + (age.endsWith('Q') ? 'P' : 'Q');
const samples: Readonly<Record<string, Samples>> = {
  ...SAMPLES,
  'age-secret-key': {
    secrets: [age, await generateHybridIdentity()],
    lookAlikes: [ageChanged, age.slice(0, -1), age.toLowerCase()],
  },
};
const all = rulesFor(DETECTORS.map(({ name }) => name));

function parts(sample: Samples['secrets'][number]): { text: string; secret: string } {
  return typeof sample === 'string' ? { text: sample, secret: sample } : sample;
}

const cases = Object.entries(samples).flatMap(([name, { secrets }]) =>
  secrets.map((sample, index) => ({ name, title: `${name} ${index + 1}`, ...parts(sample) })),
);
const lookAlikes = Object.entries(samples).flatMap(([name, { lookAlikes: texts }]) =>
  texts.map((text, index) => ({ name, title: `${name} ${index + 1}`, text })),
);

it('has samples and look-alikes for each detector', () => {
  expect(Object.keys(samples).sort()).toEqual(DETECTORS.map(({ name }) => name).sort());
  for (const { secrets, lookAlikes: passing } of Object.values(samples)) {
    expect(secrets.length).toBeGreaterThan(0);
    expect(passing.length).toBeGreaterThan(0);
  }
});

it('has names that policies can hold, and a source for each', () => {
  for (const { name, source, what, checksum } of DETECTORS) {
    expect(name).toMatch(/^[a-z0-9][a-z0-9-]*$/);
    expect([source, what, checksum].every((text) => text.length > 3)).toBe(true);
  }
  expect(new Set(DETECTORS.map(({ name }) => name)).size).toBe(DETECTORS.length);
});

it('counts what providers issue to provider-tokens', () => {
  const names = DETECTOR_GROUPS.get('provider-tokens')?.map(({ name }) => name);
  expect(names).toContain('github-token');
  expect(names).not.toContain('private-key');
  expect(names).not.toContain('card-number');
});

describe.each(cases)('$title', ({ name, text, secret }) => {
  const rules = rulesFor([name]);
  const [before, after] = ['some text: ', ' and more\n'];
  const redacted = `${before}${text.replace(secret, `[redacted:${name}]`)}${after}`;

  it('is found, alone and in a text, as it is and among all detectors', () => {
    expect(findContent(rules, text)).toEqual({ name });
    expect(findContent(rules, before + text + after)).toEqual({ name });
    expect(findContent(all, before + text + after)).toEqual({ name });
  });

  it('is replaced, and all else is as it was', () => {
    expect(scan(rules, [before + text + after])).toEqual({ out: redacted, met: [name] });
    expect(scan(rules, [text])).toEqual({ out: text.replace(secret, `[redacted:${name}]`), met: [name] });
  });

  it('is replaced wherever it is cut', () => {
    const whole = before + text + after;
    for (let cut = 0; cut <= whole.length; cut += 1) {
      expect(scan(rules, [whole.slice(0, cut), whole.slice(cut)])).toEqual({ out: redacted, met: [name] });
    }
  });

  it('is replaced when it comes byte by byte', () => {
    expect(scan(rules, bytesOf(before + text + after))).toEqual({ out: redacted, met: [name] });
  });

  it('ends the call before any of it passes, wherever it is cut', () => {
    const strict = rulesFor([name], 'end');
    const whole = before + text + after;
    const clear = before + text.slice(0, text.indexOf(secret));
    for (let cut = 0; cut <= whole.length; cut += 1) {
      expect(scan(strict, [whole.slice(0, cut), whole.slice(cut)])).toEqual({ out: clear, met: [name] });
    }
  });

  it('is found once when it comes byte by byte with pauses, and does not pass whole', () => {
    const { out, met } = scan(rules, bytesOf(before + text + after), true);
    expect(met.filter((each) => each === name)).toHaveLength(1);
    expect(out).not.toContain(secret);
    expect(out.endsWith(after)).toBe(true);
  });
});

it.each(lookAlikes)('$title: what only looks like it passes: $text', ({ name, text }) => {
  const rules = rulesFor([name]);
  expect(findContent(rules, `"${text}"`)).toBeNull();
  expect(scan(rules, bytesOf(`"${text}" `))).toEqual({ out: `"${text}" `, met: [] });
});

// One whose beginning is a secret is taken for it where the stream pauses just there.
const everPassing = lookAlikes.filter(({ name, text }) =>
  Array.from(text, (_, end) => text.slice(0, end)).every((start) => findContent(rulesFor([name]), start) === null),
);

it.each(everPassing)('$title: passes byte by byte with pauses: $text', ({ name, text }) => {
  expect(scan(rulesFor([name]), bytesOf(`"${text}" `), true)).toEqual({ out: `"${text}" `, met: [] });
});

it.each(cases)(
  '$title: the longest beginning that tells nothing is all that passes in a pause',
  ({ name, text, secret }) => {
    const whole = `>${text}\n`;
    const rules = rulesFor([name], 'end');
    const at = whole.indexOf(secret);
    for (let cut = at + 1; cut < at + secret.length; cut += 1) {
      const { out } = scan(rules, [whole.slice(0, cut), whole.slice(cut)], true);
      expect(out.length - at).toBeLessThanOrEqual(name === 'card-number' ? 22 : 30);
    }
  },
);

const fragments = [
  ...cases.map(({ text }) => text),
  ...lookAlikes.map(({ text }) => text),
  ...'-----BEGIN |ghp_|eyJ|AKIA|sk-|sk-ant-|postgres://|4111 1111 |1234567890:|MTIz|"private_key"|\\n|xoxe.'.split('|'),
];
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(...fragments),
      fc.constantFrom(...fragments).chain((fragment) => fc.nat(fragment.length).map((end) => fragment.slice(0, end))),
      fc.constantFrom(' ', '\n', '"', '-', '_', '.', 'a', '0', '4'),
      fc.string({ maxLength: 5 }).map((other) => Buffer.from(other).toString('latin1')),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''));

function cutAt(whole: string, cuts: readonly number[]): string[] {
  const places = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((one, other) => one - other);
  return [0, ...places].map((from, index) => whole.slice(from, places[index] ?? whole.length));
}

it('finds the same in a stream as in the whole text, whatever the chunks are', () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(), { maxLength: 8 }), (whole, cuts) => {
      const expected = redactWhole(all, whole);
      expect(scan(all, cutAt(whole, cuts))).toEqual(expected);
      expect(scan(all, bytesOf(whole))).toEqual(expected);
    }),
    { numRuns: process.env['SLOW'] === '1' ? 5000 : 150 },
  );
});

it('lets no secret pass whole, wherever pauses are', () => {
  const secrets = cases.filter(({ secret }) => secret.length > 8);
  fc.assert(
    fc.property(
      text,
      fc.constantFrom(...secrets),
      text,
      fc.array(fc.nat(), { maxLength: 8 }),
      (left, sample, right, cuts) => {
        const whole = `${left.slice(-40)} ${sample.text} ${right}`;
        const found = redactWhole(all, whole).out.includes(sample.secret);
        if (!found) expect(scan(all, cutAt(whole, cuts), true).out).not.toContain(sample.secret);
      },
    ),
    { numRuns: process.env['SLOW'] === '1' ? 5000 : 150 },
  );
});
