/** Warnings that only a profile can give: patterns that match nothing, and those that reach further than they look. */
import type { Place } from '../../model/decision.ts';
import { CLASS_MEANING } from './classes.ts';
import type { ProfileAllow, SpelledOption } from './allow-pattern.ts';
import type { PatternValue } from './pattern-value.ts';
import { isUnmet } from './lint-deny.ts';
import { commandsBelow, type Profile } from './profile.ts';
import type { ToolProfile } from './tool-profile.ts';
import { type Judged, judgeType, pathIn, type ValueType } from './value-type.ts';

/** What is found about one rule of a tool. */
export interface ProfileFinding {
  readonly list: 'argv_allow_patterns' | 'argv_deny_patterns';
  readonly index: number;
  readonly place: Place;
  readonly message: string;
}

/** Looks at a tool's rules under its profile. `hasFiles`: it has `cwd_allowed`. Never throws. */
export function lintToolProfile(tool: ToolProfile, hasFiles: boolean): ProfileFinding[] {
  const allows = tool.allow.flatMap(({ compiled, place }, index) => {
    const messages = compiled.ok ? lintAllow(compiled.pattern, tool, hasFiles) : [];
    return messages.map((message): ProfileFinding => ({ list: 'argv_allow_patterns', index, place, message }));
  });
  const message = 'no call that is allowed can meet it: it would be refused without this deny';
  const denies = tool.deny.flatMap(({ compiled, place }, index): ProfileFinding[] =>
    isUnmet(compiled, tool) ? [{ list: 'argv_deny_patterns', index, place, message }] : [],
  );
  return [...allows, ...denies];
}

function lintAllow(pattern: ProfileAllow, { profile }: ToolProfile, hasFiles: boolean): string[] {
  return [
    ...lintWhole(pattern, profile),
    ...lintOperands(pattern, hasFiles),
    ...pattern.options.flatMap((option) => lintOption(option, hasFiles)),
  ];
}

function lintWhole({ scope }: ProfileAllow, { root }: Profile): string[] {
  if (!scope.commands.has(root) || !scope.below) return [];
  const safe = [...commandsBelow(root)].filter((command) => command.class === 'safe' && command !== root);
  return [`reaches all ${safe.length} subcommands that are safe; spell those that are meant`];
}

function lintOperands({ scope, operands, open }: ProfileAllow, hasFiles: boolean): string[] {
  const [command] = scope.commands;
  if (scope.commands.size !== 1 || scope.below || command === undefined) return [];
  const { types, rest } = command.operands;
  const next = types[operands.length] ?? rest;
  const unspelled = open && operands.length === 0 && next?.kind === 'url';
  if (unspelled) return ["the closing '*' matches no url; spell its scheme and host, and the '/' behind it"];
  return operands.flatMap((value, index) => lintValue(value, types[index] ?? rest ?? undefined, hasFiles));
}

function lintOption({ name, spec, values }: SpelledOption, hasFiles: boolean): string[] {
  if (spec === null) return [];
  return values.flatMap((value, index) => {
    const type = spec.types[index] ?? spec.types.at(-1);
    const found = lintValue(value, type, hasFiles).map((message) => `${name}: ${message}`);
    if (found.length > 0 || spec.class === 'safe' || !isFree(value, type)) return found;
    const meaning = CLASS_MEANING[spec.class];
    return [`${name} ${meaning}, and the client chooses its value; spell the values that are meant`];
  });
}

/** Wildcards that stand for nothing, because of what the value is. */
function lintValue(value: PatternValue, type: ValueType | undefined, hasFiles: boolean): string[] {
  if (value.kind === 'literal' || type === undefined) return [];
  const prefix = value.kind === 'glob' ? value.prefix : '';
  const judged = judgeType(type, type.kind === 'shapes' ? prefix : '');
  const message = judged === undefined ? undefined : matchesNothing(value, prefix, judged, hasFiles);
  return message === undefined ? [] : [`'${value.source}' ${message}`];
}

type Wildcard = Exclude<PatternValue, { kind: 'literal' }>;

function matchesNothing(value: Wildcard, prefix: string, judged: Judged, hasFiles: boolean): string | undefined {
  const { type } = judged;
  const isUrl = value.kind === 'glob' && value.shape.isUrl;
  if (type === 'url' && !isUrl) return "matches no url; spell its scheme and host, and the '/' behind it";
  if (type === 'host' && value.kind === 'any') return 'matches no host; spell it';
  if (type === 'program') return 'matches nothing: code is allowed only as a literal';
  const isFile = ['file', 'outfile'].includes(type);
  return isFile && !hasFiles && !pathIn(judged, prefix).includes('/')
    ? 'matches no file outside an empty directory; spell a directory (/srv/x/*), or set cwd_allowed'
    : undefined;
}

/** True where the client chooses the value, within nothing that the pattern spells. */
function isFree(value: PatternValue, type: ValueType | undefined): boolean {
  if (type === undefined || value.kind === 'literal') return false;
  const isPath = type.kind === 'file' || type.kind === 'outfile';
  return !isPath && (value.kind === 'any' || value.prefix === '');
}
