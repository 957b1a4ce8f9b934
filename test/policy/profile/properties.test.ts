/** What must hold of every policy and every call under a profile, tried with calls that are made at random. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import type { CliTool } from '../../../src/policy/policy.ts';
import {
  commandsBelow,
  type Command,
  type OptionSpec,
  optionsAt,
  type Profile,
} from '../../../src/policy/profile/profile.ts';
import { harmlessValue } from '../../../src/policy/profile/examples.ts';
import { readCall } from '../../../src/policy/profile/read-call.ts';
import { decideSample, sampleProfile, sampleTool } from './sample-profile.ts';

function shipped(name: string): Profile {
  return sampleProfile(readFileSync(new URL(`../../../src/profiles/${name}.yaml`, import.meta.url), 'utf8'));
}

/** Profiles of different parsers. */
const PROFILES = new Map([
  ['sample', sampleProfile()],
  ...['gh', 'kubectl', 'op', 'git', 'curl', 'vault', 'psql'].map((name) => [name, shipped(name)] as const),
]);

interface Made {
  readonly profile: Profile;
  readonly command: Command;
  readonly options: readonly OptionSpec[];
  readonly operands: readonly string[];
  /** What a failure prints: profiles are long. */
  readonly [fc.toStringMethod]: () => string;
}

/** A safe command of a profile with safe options, each once, and as many operands as it takes. */
const made: fc.Arbitrary<Made> = fc.constantFrom(...PROFILES.values()).chain((profile) => {
  const commands = [...commandsBelow(profile.root)].filter((each) => each.class === 'safe' && !each.readsStdin);
  return fc.constantFrom(...commands).chain((command) => {
    const own = [...command.options.values()].filter((option) => option.class === 'safe' && isPlain(option));
    const operands = command.operands.types.map(harmlessValue);
    return fc
      .record({
        options: fc.subarray([...new Set(own)], { maxLength: Math.min(8, new Set(own).size) }),
        count: fc.nat(operands.length),
      })
      .map(({ options, count }): Made => shown({ profile, command, options, operands: operands.slice(0, count) }));
  });
});

function shown(parts: Pick<Made, 'profile' | 'command' | 'options' | 'operands'>): Made {
  return { ...parts, [fc.toStringMethod]: () => JSON.stringify([parts.profile.versions, ...argvOf(parts)]) };
}

/** One whose value, if it takes one, is in no other place than behind it, and reads no standard input. */
function isPlain({ arity, stdin, names }: OptionSpec): boolean {
  return (arity === 'switch' || arity === 'required') && !stdin && !names.includes('-<number>');
}

function words({ names, types }: OptionSpec): string[] {
  return [names.at(-1) ?? '', ...types.map(harmlessValue)];
}

function argvOf({ command, options, operands }: Pick<Made, 'command' | 'options' | 'operands'>): string[] {
  return [...command.path, ...options.flatMap(words), ...operands];
}

/** Whether a tool with these rules lets a call through; its files lie where the policy has them. */
function allows(profile: Profile, rules: { allow?: string[]; deny?: string[] }, argv: readonly string[]): boolean {
  return tool(profile, rules, argv).verdict === 'allow';
}

function tool(
  profile: Profile,
  rules: { allow?: string[]; deny?: string[] },
  argv: readonly string[],
): ReturnType<typeof decideSample> {
  return decideSample(toolWith(profile, rules), argv);
}

function toolWith(profile: Profile, rules: { allow?: string[]; deny?: string[] }): CliTool {
  return sampleTool({ ...rules, cwd_allowed: ['/srv/proj'], cwd_trusted: true }, profile);
}

function openPattern({ command }: Made): string {
  return [...command.path, '*'].join(' ');
}

describe('a call of a safe command with safe options', () => {
  it('passes under its words and a closing *, unless a value needs spelling', () => {
    let passed = 0;
    fc.assert(
      fc.property(made, (call) => {
        if (allows(call.profile, { allow: [openPattern(call)] }, argvOf(call))) passed += 1;
      }),
      { numRuns: 300, seed: 1 },
    );
    expect(passed).toBeGreaterThan(200);
  });

  it('gets the same verdict however it is spelled', () => {
    fc.assert(
      fc.property(made, fc.infiniteStream(fc.nat(7)), fc.boolean(), (call, choices, closing) => {
        const { profile, command, options, operands } = call;
        const spelled = options.flatMap((option) => spellOption(option, profile, choices.next().value ?? 0));
        const shuffled = (choices.next().value ?? 0) % 2 === 0 ? [...spelled, ...operands] : [...operands, ...spelled];
        const argv = [
          ...command.path,
          ...(profile.dialect.permute && command.optionsEnd === null ? shuffled : [...spelled, ...operands]),
        ];
        const allow = [closing ? openPattern(call) : argvOf(call).map(quote).join(' ')];
        const plain = tool(profile, { allow }, argvOf(call));
        const other = tool(profile, { allow }, argv);
        expect({ argv, verdict: other.verdict, reason: other.reason }).toEqual({
          argv,
          verdict: plain.verdict,
          reason: plain.reason,
        });
      }),
      { numRuns: 500, seed: 2 },
    );
  });

  it('is refused with any option that is not safe put anywhere into it, unless the pattern names that', () => {
    fc.assert(
      fc.property(made, fc.nat(), fc.nat(), (call, which, where) => {
        const unsafe = [...optionsAt(call.command, call.profile.dialect)].filter((option) => option.class !== 'safe');
        const option = unsafe[which % Math.max(unsafe.length, 1)];
        if (option === undefined) return;
        const argv = argvOf(call);
        const at = where % (argv.length + 1);
        const attacked = [...argv.slice(0, at), ...words(option), ...argv.slice(at)];
        const read = readCall(attacked, call.profile);
        if (read.fault === null && !read.options.some(({ spec }) => spec === option)) return;
        expect(allows(call.profile, { allow: [openPattern(call)] }, attacked)).toBe(false);
      }),
      { numRuns: 1000, seed: 3 },
    );
  });
});

describe('rules', () => {
  const patterns = fc.constantFrom(
    'get *',
    '*',
    'get pods *',
    'get -n * *',
    'send *',
    '* --namespace *',
    '* -w',
    'get po',
    'send * --force',
    'secret *',
    'get * -f /srv/*',
    '* list',
    'fetch https://a.example/*',
  );
  const word = fc.constantFrom(
    'get',
    'show',
    'send',
    'pods',
    'po,secrets',
    '-n',
    'prod',
    '-w',
    '--watch=false',
    '-nprod',
    '-f',
    '/srv/a',
    '--',
    '--force',
    'secret',
    'ls',
    'list',
    '-',
    'x',
    'fetch',
    'https://a.example/b',
    '-vvw',
    '--as',
    'admin',
  );
  const calls = fc.array(word, { maxLength: 6 });
  const some = fc.uniqueArray(patterns, { maxLength: 4 });

  it('allow no more when a deny is added', () => {
    fc.assert(
      fc.property(some, some, patterns, calls, (allow, deny, more, argv) => {
        if (allows(PROFILES.get('sample') ?? sampleProfile(), { allow, deny: [...deny, more] }, argv)) {
          expect(allows(PROFILES.get('sample') ?? sampleProfile(), { allow, deny }, argv)).toBe(true);
        }
      }),
      { numRuns: 1500, seed: 4 },
    );
  });

  it('allow no more when an allow is taken away, and the same in any order', () => {
    fc.assert(
      fc.property(some, some, patterns, calls, (allow, deny, more, argv) => {
        const profile = PROFILES.get('sample') ?? sampleProfile();
        const verdict = allows(profile, { allow: [...allow, more], deny }, argv);
        expect(allows(profile, { allow: [more, ...allow.toReversed()], deny: deny.toReversed() }, argv)).toBe(verdict);
        if (!verdict) expect(allows(profile, { allow, deny }, argv)).toBe(false);
      }),
      { numRuns: 1500, seed: 5 },
    );
  });

  it('read any argument list without throwing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...PROFILES.keys()), fc.array(fc.string({ unit: 'binary' })), (name, argv) => {
        expect(typeof readCall(argv, PROFILES.get(name) ?? sampleProfile())).toBe('object');
      }),
      { numRuns: 1000, seed: 6 },
    );
  });
});

/** One of the ways to write an option with a value. */
function spellOption(spec: OptionSpec, { dialect }: Profile, choice: number): string[] {
  const name = spec.names[choice % spec.names.length] ?? '';
  const values = spec.types.map(harmlessValue);
  if (values.length !== 1 || choice < 4) return [name, ...values];
  const isLong = name.startsWith('--') || dialect.long !== '--';
  if (isLong && dialect.equals) return [`${name}=${values.join('')}`];
  return !isLong && dialect.clusters && name.length === 2 ? [name + values.join('')] : [name, ...values];
}

function quote(word: string): string {
  return `'${word.replaceAll(/[*?[\\]/g, '\\$&')}'`;
}
