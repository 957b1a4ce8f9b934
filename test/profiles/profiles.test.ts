/** Every profile that comes with Carapace: it is whole, it lets harmless calls through and nothing of what must not. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../src/model/problem.ts';
import { decideTool } from '../../src/policy/decide.ts';
import { explainDecision } from '../../src/policy/explain.ts';
import type { WorkingDirectory } from '../../src/policy/working-directory.ts';
import { commandsBelow, findOption, type Command, type Profile } from '../../src/policy/profile/profile.ts';
import { loadProfile } from '../../src/policy/profile/load-profile.ts';
import { parseOptionLine } from '../../src/policy/profile/notation.ts';
import { goodPolicy, policyText } from '../policy/policy-of.ts';
import { argvOf, casesOf, factsOf, type ProfileCases, profileNames } from './profile-cases.ts';

function load(name: string): Profile {
  const text = readFileSync(new URL(`../../src/profiles/${name}.yaml`, import.meta.url), 'utf8');
  const loaded = loadProfile({ name, file: `src/profiles/${name}.yaml`, text });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.profile;
}

type PolicyCases = ProfileCases['policies'][number];

/** Decides as the gateway does where every directory that is named exists. */
function decide(
  tool: string,
  { cwd, harmless: _harmless, attacks: _attacks, name: _name, ...parts }: PolicyCases,
): (typed: string) => string {
  const { tools } = goodPolicy(policyText(tool, parts));
  const allowed = parts.cwd_allowed;
  const path = cwd ?? allowed?.[0] ?? '/';
  const directory: WorkingDirectory =
    allowed === undefined ? { kind: 'none' } : { kind: 'opened', directory: { path, dev: '0', ino: '0' }, allowed };
  return (typed) => {
    const request = { tool, argv: argvOf(typed), env: new Map(), cwd: allowed === undefined ? undefined : path };
    const decision = decideTool(tools, request, directory);
    return decision.verdict === 'allow' ? 'allow' : explainDecision(decision);
  };
}

describe.each(profileNames())('profile %s', (name) => {
  it('loads, and holds options and commands', () => {
    const profile = load(name);
    const options = [...commandsBelow(profile.root)].reduce((sum, command) => sum + command.options.size, 0);
    expect(options).toBeGreaterThan(0);
  });

  const { policies } = casesOf(name);

  it('is tried with at least twenty harmless calls', () => {
    expect(policies.flatMap(({ harmless }) => harmless).length).toBeGreaterThanOrEqual(20);
    expect(policies.flatMap(({ attacks }) => attacks).length).toBeGreaterThanOrEqual(20);
  });

  describe.each(policies)('$name', (cases) => {
    const decided = decide(name, cases);
    it.each(cases.harmless)('allows %s', (typed) => {
      expect(decided(typed)).toBe('allow');
    });
    it.each(cases.attacks)('refuses %s', (typed) => {
      expect(decided(typed)).not.toBe('allow');
    });
  });

  it('knows every option of the catalogue', () => {
    const { differs } = casesOf(name);
    const profile = load(name);
    const missing = factsOf(name).filter((fact) => !(differOf(fact, differs) || isKnown(fact, profile)));
    expect(missing.join('\n')).toBe('');
  });
});

/** Is a fact listed as differing: by its whole line, by path and first name, by path, or by the option's name alone? */
function differOf(fact: string, differs: Readonly<Record<string, string>>): boolean {
  const [path = '', option = ''] = fact.split(/: (.*)/s);
  const names = option.split(' ', 1)[0]?.replace(/,$/, '') ?? '';
  return [fact, `${path} ${names}`.trim(), path, names].some((key) => key !== '' && Object.hasOwn(differs, key));
}

function isKnown(fact: string, profile: Profile): boolean {
  const option = /^(.*?): (-.*)$/s.exec(fact);
  const command = commandAt((option?.[1] ?? fact.replace(/ \(.*\)$/, '')).trim(), profile.root);
  if (command === undefined) return false;
  if (option === null) return true;
  const parsed = parseOptionLine(option[2] ?? '');
  if (!parsed.ok) throw new Error(`${fact}: ${parsed.message}`);
  return parsed.value.names.every((name) => {
    const find = (each: string): ReturnType<typeof findOption> => findOption(command, each, { inherit: true });
    const known = find(name) ?? (profile.dialect.long === 'either' ? find(name.replace(/^--/, '-')) : undefined);
    // A catalogue has no word for a switch that takes a value behind `=`.
    const isSwitch = known?.arity === 'switch' || known?.arity === 'optional';
    return known !== undefined && (parsed.value.arity === 'switch' ? isSwitch : known.arity !== 'switch');
  });
}

function commandAt(path: string, root: Command): Command | undefined {
  return path
    .split(' ')
    .filter((word) => word !== '')
    .reduce<Command | undefined>((command, word) => command?.children.get(word), root);
}
