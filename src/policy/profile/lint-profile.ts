/** Warnings that only a profile can give: patterns that match nothing, and those that reach further than they look. */
import type { Place } from '../../model/decision.ts';
import { CLASS_MEANING } from './classes.ts';
import type { ProfileAllow } from './allow-pattern.ts';
import type { PatternValue } from './pattern-value.ts';
import { isUnmet } from './lint-deny.ts';
import { commandsBelow, type Command } from './profile.ts';
import type { ToolProfile } from './tool-profile.ts';
import { judgeType, pathIn, type ValueType } from './value-type.ts';

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
  const { scope, operands, options } = pattern;
  const messages: string[] = [];
  if (scope.commands.has(profile.root) && scope.below) {
    const safe = [...commandsBelow(profile.root)].filter(
      (command) => command.class === 'safe' && command !== profile.root,
    );
    messages.push(`reaches all ${safe.length} subcommands that are safe; spell those that are meant`);
  }
  const [command] = scope.commands;
  if (scope.commands.size === 1 && !scope.below && command !== undefined) {
    for (const [index, value] of operands.entries())
      messages.push(...lintValue(value, operandType(command, index), hasFiles));
  }
  for (const { name, spec, values } of options) {
    if (spec === null) continue;
    for (const [index, value] of values.entries()) {
      const type = spec.types[index] ?? spec.types.at(-1);
      const found = lintValue(value, type, hasFiles);
      messages.push(...found.map((message) => `${name}: ${message}`));
      if (found.length === 0 && spec.class !== 'safe' && isFree(value, type))
        messages.push(
          `${name} ${CLASS_MEANING[spec.class]}, and the client chooses its value; spell the values that are meant`,
        );
    }
  }
  return messages;
}

function operandType({ operands }: Command, index: number): ValueType | undefined {
  return operands.types[index] ?? operands.rest ?? undefined;
}

/** Wildcards that stand for nothing, because of what the value is. */
function lintValue(value: PatternValue, type: ValueType | undefined, hasFiles: boolean): string[] {
  if (value.kind === 'literal' || type === undefined) return [];
  const judged =
    type.kind === 'shapes' ? judgeType(type, value.kind === 'glob' ? value.prefix : '') : judgeType(type, '');
  switch (judged?.type) {
    case 'url':
      return value.kind === 'glob' && value.shape.isUrl
        ? []
        : [`'${value.source}' matches no url; spell its scheme and host, and the '/' behind it`];
    case 'host':
      return value.kind === 'any' ? ["'*' matches no host; spell it"] : [];
    case 'program':
      return [`'${value.source}' matches nothing: code is allowed only as a literal`];
    case 'file':
    case 'outfile': {
      const spelled = value.kind === 'glob' && pathIn(judged, value.prefix).includes('/');
      return spelled || hasFiles
        ? []
        : [
            `'${value.source}' matches no file outside an empty directory; spell a directory (/srv/x/*), or set cwd_allowed`,
          ];
    }
    default:
      return [];
  }
}

/** True where the client chooses the value, within nothing that the pattern spells. */
function isFree(value: PatternValue, type: ValueType | undefined): boolean {
  if (type === undefined || value.kind === 'literal') return false;
  const isPath = type.kind === 'file' || type.kind === 'outfile';
  return !isPath && (value.kind === 'any' || value.prefix === '');
}
