/**
 * Proposes the narrowest patterns that would allow what was tried. Pure: how a call is decided is handed in.
 *
 * Invariants: every proposal allows every call that it was made for, by the same decision as the gateway's. Under a
 * profile one without findings spells nothing that a closing `*` of its command would not let through.
 */
import type { Decision } from '../../model/decision.ts';
import type { DenyReason } from '../../model/reason.ts';
import { compileAllow } from '../allow-pattern.ts';
import type { CliTool } from '../policy.ts';
import { compileProfileAllow } from '../profile/allow-pattern.ts';
import { commandKeyOf, type Finding, type Form, keyOf, patternOf } from './form.ts';
import { genericForm } from './generic-form.ts';
import { profileForm } from './profile-form.ts';
import { writeWord } from './write-word.ts';

/** A call that somebody tried, as often as it stands there. */
export interface TriedCall {
  readonly argv: readonly string[];
  readonly cwd: string | undefined;
  readonly times: number;
}

/** Decides a call of a tool. */
export type Decide = (tool: CliTool, call: TriedCall) => Decision;

export interface Proposal {
  /** As `argv_allow_patterns` holds it. */
  readonly pattern: string;
  /** The calls that it allows; at least one. */
  readonly calls: readonly TriedCall[];
  /** What in it somebody has to mean; none: it is harmless, as far as the profile knows. */
  readonly findings: readonly Finding[];
  /** It ends in a `*` that takes further operands, and under a profile harmless options. */
  readonly open: boolean;
}

/** A call that no pattern would allow. */
export interface Refused {
  readonly call: TriedCall;
  readonly reason: DenyReason;
  /** Safe to print. */
  readonly message: string;
}

export interface Learned {
  /** Those without findings first. */
  readonly proposals: readonly Proposal[];
  /** In the order of the calls. */
  readonly refused: readonly Refused[];
  /** Calls that the tool allows as it is. */
  readonly allowed: readonly TriedCall[];
}

/** More forms than this of one command become one pattern that ends in `*`. */
const MOST_FORMS = 4;

/** Learns from calls of one tool. Never throws. */
export function proposePatterns(tool: CliTool, calls: readonly TriedCall[], decide: Decide): Learned {
  const allowed = calls.filter((call) => decide(tool, call).verdict === 'allow');
  const learner = new Learner(tool, decide);
  for (const call of calls) if (!allowed.includes(call)) learner.add(call);
  const { proposals, refused } = learner.learn();
  const place = new Map(calls.map((call, index) => [call, index]));
  const placeOf = ({ call }: Refused): number => place.get(call) ?? 0;
  return { proposals, refused: refused.toSorted((a, b) => placeOf(a) - placeOf(b)), allowed };
}

interface FormedCall {
  readonly call: TriedCall;
  readonly form: Form;
}

/** A proposal with the form of its calls. */
interface Candidate {
  readonly pattern: string;
  readonly calls: readonly TriedCall[];
  readonly form: Form;
}

class Learner {
  readonly #tool: CliTool;
  readonly #decide: Decide;
  readonly #refused: Refused[] = [];
  readonly #formed: FormedCall[] = [];
  /** By its pattern: the tool with this one allow. */
  readonly #tools = new Map<string, ToolOfOne>();

  constructor(tool: CliTool, decide: Decide) {
    this.#tool = tool;
    this.#decide = decide;
  }

  add(call: TriedCall): void {
    const { profile } = this.#tool;
    const form = profile === null ? genericForm(call.argv) : profileForm(profile, call.argv);
    if (form === undefined) return this.#refuse(call, undefined);
    const whole = { ...form, findings: [...form.findings, ...this.#otherwise(form, call)] };
    this.#formed.push({ call, form: whole });
  }

  learn(): Omit<Learned, 'allowed'> {
    const groups = byKey(this.#formed, ({ form }) => keyOf(form));
    const candidates = [...groups.values()].flatMap((group) => this.#propose(group));
    const harmless = this.#withoutCovered(fewer(candidates.filter(({ form }) => form.findings.length === 0)));
    const others = candidates.filter(({ form }) => form.findings.length > 0);
    return { proposals: [...harmless, ...others].map((each) => this.#proposal(each)), refused: this.#refused };
  }

  /** What the profile has no class for, and yet lets no wildcard stand for: a url, a file anywhere, a `-`. */
  #otherwise({ command, findings }: Form, call: TriedCall): Finding[] {
    if (command === null || findings.length > 0) return [];
    const decision = this.#try(widestOf(command), call);
    if (decision?.verdict !== 'deny') return [];
    const why = decision.rules.find(({ kind }) => kind === 'allow')?.why ?? decision.message;
    return [{ what: '', does: why, class: null }];
  }

  /** One pattern for the whole group; for a call that this does not allow, one of its own. */
  #propose(group: readonly FormedCall[]): Candidate[] {
    const [first, ...others] = group;
    if (first === undefined) return [];
    const pattern = patternOf([first.form, ...others.map(({ form }) => form)]);
    const covered = group.filter(({ call }) => this.#allows(pattern, call)).map(({ call }) => call);
    const proposals = covered.length === 0 ? [] : [{ pattern, calls: covered, form: first.form }];
    const rest = group.filter(({ call }) => !covered.includes(call));
    return [...proposals, ...rest.flatMap(({ call, form }) => this.#proposeOne(call, form))];
  }

  #proposeOne(call: TriedCall, form: Form): Candidate[] {
    const pattern = patternOf([form]);
    if (this.#allows(pattern, call)) return [{ pattern, calls: [call], form }];
    this.#refuse(call, pattern);
    return [];
  }

  /** `pattern`: the narrowest, which does not allow the call; undefined where there is none to try. */
  #refuse(call: TriedCall, pattern: string | undefined): void {
    const tried = pattern === undefined ? undefined : this.#toolOf(pattern);
    const decision = this.#decide(tried?.ok === true ? tried.tool : this.#tool, call);
    if (decision.verdict === 'allow') return;
    const message = tried?.ok === false ? `no pattern can be written: ${tried.message}` : decision.message;
    this.#refused.push({ call, reason: decision.reason, message });
  }

  /** Leaves out what a pattern with a wildcard allows already, and gives that one its calls. */
  #withoutCovered(candidates: readonly Candidate[]): Candidate[] {
    const wild = byKey(
      candidates.filter(({ pattern }) => pattern.includes('*')),
      ({ form }) => commandKeyOf(form),
    );
    const calls = new Map(candidates.map((candidate) => [candidate, [...candidate.calls]]));
    for (const candidate of candidates) {
      const near = wild.get(commandKeyOf(candidate.form)) ?? [];
      const other = near.find((each) => each !== candidate && calls.has(each) && this.#allowsAll(each, candidate));
      if (other === undefined) continue;
      calls.get(other)?.push(...(calls.get(candidate) ?? []));
      calls.delete(candidate);
    }
    return Array.from(calls, ([candidate, its]) => ({ ...candidate, calls: its }));
  }

  #allowsAll({ pattern }: Candidate, { calls }: Candidate): boolean {
    return calls.every((call) => this.#allows(pattern, call));
  }

  #proposal({ pattern, calls, form }: Candidate): Proposal {
    const tried = this.#toolOf(pattern);
    return { pattern, calls, findings: form.findings, open: tried.ok && tried.open };
  }

  #allows(pattern: string, call: TriedCall): boolean {
    return this.#try(pattern, call)?.verdict === 'allow';
  }

  /** Decides a call by this one pattern and the tool's denies; undefined where the pattern cannot be written. */
  #try(pattern: string, call: TriedCall): Decision | undefined {
    const tried = this.#toolOf(pattern);
    return tried.ok ? this.#decide(tried.tool, call) : undefined;
  }

  #toolOf(pattern: string): ToolOfOne {
    const made = this.#tools.get(pattern) ?? withAllow(this.#tool, pattern);
    this.#tools.set(pattern, made);
    return made;
  }
}

/** Many harmless forms of one command are what its closing `*` is for. */
function fewer(candidates: readonly Candidate[]): Candidate[] {
  // A form that no closing `*` may stand for is alone under its own pattern.
  const keyOfForm = ({ form, pattern }: Candidate): string => (form.closes ? commandKeyOf(form) : `"${pattern}"`);
  return [...byKey(candidates, keyOfForm).values()].flatMap((forms) => {
    const [first] = forms;
    if (first === undefined || forms.length <= MOST_FORMS) return forms;
    const pattern = widestOf(first.form.command ?? []);
    return [{ ...first, pattern, calls: forms.flatMap(({ calls }) => calls) }];
  });
}

function byKey<Item>(items: readonly Item[], keyOfItem: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOfItem(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** Every safe call of a command. */
function widestOf(command: readonly string[]): string {
  return [...command.map((word) => writeWord([word])), '*'].join(' ');
}

/** The tool with one allow and no other, or why nobody can write that. */
type ToolOfOne =
  | { readonly ok: true; readonly tool: CliTool; readonly open: boolean }
  | { readonly ok: false; readonly message: string };

function withAllow(tool: CliTool, pattern: string): ToolOfOne {
  const compiled = compileAllow(pattern);
  if (!compiled.ok) return compiled;
  const { place, profile } = tool;
  const allow = [{ pattern, place, compiled: compiled.pattern }];
  if (profile === null) return { ok: true, tool: { ...tool, allow }, open: compiled.pattern.open };
  const read = compileProfileAllow(pattern, profile.profile);
  const withProfile = { ...tool, allow, profile: { ...profile, allow: [{ pattern, place, compiled: read }] } };
  return { ok: true, tool: withProfile, open: read.ok && read.pattern.open };
}
