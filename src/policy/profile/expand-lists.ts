/** Takes lists apart (`pods,secrets`, `pods/a secret/b`): the call is decided once for each element. */
import { quoted } from '../../model/visible.ts';
import type { Fault } from './fault.ts';
import type { Operand, ReadCall } from './read-call.ts';
import { type ListType, WORD } from './value-type.ts';

/** More elements are no call that a person makes, and each of them is matched with every rule. */
const MOST = 64;
/** And no list stands before so many names that each element times each of them takes long. */
const MOST_WORDS = 16_384;

export type Expanded =
  | { readonly ok: true; readonly calls: readonly ReadCall[] }
  | { readonly ok: false; readonly fault: Fault };

/** The call once for each element of its first operand that is a list. Never throws. */
export function expandLists(call: ReadCall): Expanded {
  const at = call.operands.findIndex(({ type, program }) => type.kind === 'list' && !program);
  const operand = call.operands[at];
  if (operand === undefined || operand.type.kind !== 'list') return { ok: true, calls: [call] };
  const { type } = operand;
  const before = call.operands.slice(0, at);
  const after = call.operands.slice(at + 1);
  const paired = type.pair !== null && operand.text.includes(type.pair);
  // With `TYPE/NAME` first, all operands are such pairs; else what follows the types are names of any of them.
  const pairs = after.filter((each) => each.type.kind === 'word' || each.type.kind === 'list');
  const elements = paired ? [operand, ...pairs].flatMap((each) => split(each, type)) : split(operand, type);
  if (elements.length > MOST || (elements.length > 1 && elements.length * after.length > MOST_WORDS)) {
    const message = `argument ${quoted(operand.text, 80)} lists too much: more than ${MOST} elements, or too many names for them`;
    return { ok: false, fault: { reason: 'value-refused', token: operand.text, message } };
  }
  const rest = paired ? after.filter((each) => !pairs.includes(each)) : after;
  return {
    ok: true,
    calls: elements.map((element) => ({ ...call, operands: [...before, ...pairOf(element, type), ...rest] })),
  };
}

function split(operand: Operand, type: ListType): Operand[] {
  return operand.text.split(type.separator, MOST + 1).map((text) => ({ ...operand, text, type }));
}

/** `secret/db` as type and name; an element without a name is itself. */
function pairOf(element: Operand, { pair }: ListType): Operand[] {
  // A url is no pair, whatever it holds: it stays whole, and is judged as one.
  const at = pair === null || element.text.includes('://') ? -1 : element.text.indexOf(pair);
  if (at === -1) return [element];
  return [
    { ...element, text: element.text.slice(0, at) },
    { ...element, text: element.text.slice(at + 1), type: WORD },
  ];
}
