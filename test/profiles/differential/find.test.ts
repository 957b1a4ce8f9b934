/** GNU find, by the tree that it makes of its tests and by the places that it does not find. */
import { describe, it } from 'vitest';
import type { ReadCall } from '../../../src/policy/profile/read-call.ts';
import { argumentLists } from './lists.ts';
import {
  compare,
  expectAgreement,
  isInstalled,
  operandsOf,
  type Run,
  runEach,
  type Seen,
  shippedProfile,
} from './real-tool.ts';

const OPERATORS = ['-a', '-and', '-o', '-or', '-not'];
const LEADING = ['-D', '-H', '-P', '-L', '-O1', '-O3', '-d', '-daystart'];
const ACTIONS = ['-print', '-print0', '-printf', '-exec', '-execdir', '-prune', '-quit', '-ls'];

/** The tests with their first values, and the places. */
function seenByFind({ stderr }: Run): Seen {
  const [, tree] = /^Eval Tree:\n([^]*?)^Normalized Eval Tree/m.exec(stderr) ?? [];
  if (tree === undefined) return { refused: stderr.slice(0, 200) };
  const tests = [...tree.matchAll(/pred=\[(.*)\] type=primary/g)].map(([, test]) => test);
  return {
    shown: [
      tests,
      [...stderr.matchAll(/^find: ['‘](.*)['’]: No such file/gm)].map(([, place = '']) => place).filter(isPlace),
    ],
  };
}

function findOf(call: ReadCall): unknown {
  const tests = call.options.filter(({ name }) => ![...OPERATORS, ...LEADING].includes(name));
  const shown = tests.map(({ name, values: [value] }) => (value === undefined ? name : `${name} ${value}`));
  const acts = tests.some(({ name }) => ACTIONS.includes(name) && name !== '-prune' && name !== '-quit');
  const places = operandsOf(call).filter(isPlace);
  return [acts ? shown : [...shown, '-print'], places];
}

/** Before the first test find takes them for places, too; our reader takes them for nothing else than words. */
function isPlace(text: string): boolean {
  return !['!', '(', ')', ','].includes(text);
}

describe.skipIf(!isInstalled('find', '--version'))('find', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('find');
    const values: Readonly<Record<string, readonly string[]>> = {
      '-maxdepth': ['1', '7', '-1', '-name'],
      '-type': ['f', 'd', '-name'],
      '-size': ['+5', '-5', 'w%'],
    };
    const lists = argumentLists(profile, {
      only: [
        ...OPERATORS,
        '-H',
        '-P',
        '-O3',
        '-D',
        '-name',
        '-path',
        '-maxdepth',
        '-type',
        '-size',
        '-true',
        '-print',
        '-printf',
        '-ls',
      ],
      valuesOf: ({ names }) => values[names.at(-1) ?? ''] ?? ['v%', 'v%', '-name', '-exec', ';', '/', '--', '!'],
      words: [
        '-true',
        '-exec v% -name w% ;',
        '-exec v% {} + -name x',
        '-exec v% + ;',
        '-exec {} + -print',
        '-exec ; w%',
        '-exec -name x',
        '-name ;',
        '!',
        '( -true )',
        ', -true',
        'w%',
        '-unknown',
        '-name=x',
      ],
      first: ['-D tree w', '-D tree w w0', '-D tree w - ! -true', '-D tree -H w'],
      longest: 4,
    });
    const runs = await runEach(['find'], lists);
    expectAgreement(compare(profile, lists, runs.map(seenByFind), findOf), { agreed: 20, looser: /./ });
  });
});
