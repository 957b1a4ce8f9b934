/** What of a call the profile says that no wildcard may stand for. */
import { quoted, visible } from '../../model/visible.ts';
import { type Class, CLASSES } from '../profile/classes.ts';
import { describeClass } from '../profile/describe.ts';
import type { Operand, ReadCall } from '../profile/read-call.ts';
import type { ReadOption } from '../profile/read-options.ts';
import type { ToolProfile } from '../profile/tool-profile.ts';
import { judgeType, type ValueType } from '../profile/value-type.ts';
import type { Finding } from './form.ts';

/** Every command, option, value and operand of a call that is not safe, each once. Never throws. */
export function findUnsafe({ options: rules }: ToolProfile, { command, options, operands }: ReadCall): Finding[] {
  const findings = [
    ...ofClass(`'${command.path.join(' ')}'`, command.class),
    ...options.flatMap((option) => [
      // What the policy's `options` allow was meant already.
      ...(rules.of(option)?.verdict === 'allow' ? [] : ofClass(visible(option.name, 80), option.spec.class)),
      ...valuesOf(option),
    ]),
    ...operands.flatMap((operand) => (operand.program ? [] : ofValue(operand, ''))),
  ];
  return findings.filter(({ what }, index) => findings.findIndex((other) => other.what === what) === index);
}

/** The type of an option's value. */
export function typeOfValue({ spec }: ReadOption, index: number): ValueType | undefined {
  return spec.types[index] ?? spec.types.at(-1);
}

function valuesOf(option: ReadOption): Finding[] {
  return option.values.flatMap((text, index) => {
    const type = typeOfValue(option, index);
    return type === undefined ? [] : ofValue({ text, type }, ` of ${visible(option.name, 80)}`);
  });
}

function ofValue({ text, type }: Pick<Operand, 'text' | 'type'>, of: string): Finding[] {
  const elements = type.kind === 'list' ? text.split(type.separator) : [text];
  const worst = elements
    .map((element) => judgeType(type, element)?.class ?? 'safe')
    .reduce((a, b) => (CLASSES.indexOf(a) > CLASSES.indexOf(b) ? a : b), 'safe');
  return ofClass(`${quoted(text, 80)}${of}`, worst);
}

function ofClass(what: string, found: Class | null): Finding[] {
  return found === null || found === 'safe' ? [] : [{ what, does: describeClass(found), class: found }];
}
