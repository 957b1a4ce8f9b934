/** Readings that a real parser proved wrong, each as it stands now; `test/profiles/differential/` finds more of them. */
import { describe, expect, it } from 'vitest';
import { readCall } from '../../../src/policy/profile/read-call.ts';
import { sampleProfile } from './sample-profile.ts';

const PARTS = `
profile: 1
tool: t
versions: "1"
sources: [here]
`;
const OPTIONS = `options: {safe: "-a\\n-o, --out <text> (negatable)\\n-s, --sub <text>\\n-x, --exec <text>..."}\n`;

/** `ok`, or why the list is refused; and what was read until then. */
function read(parser: string, args: string, more = 'operands: "[<text>...]"'): unknown[] {
  const call = readCall(args.split(' '), sampleProfile(`${PARTS}parser: ${parser}\n${OPTIONS}${more}\n`));
  const options = call.options.map(({ name, values, on }) => `${on ? '' : 'no '}${[name, ...values].join(' ')}`);
  return [call.fault?.token ?? 'ok', [...call.verb, ...options], call.operands.map(({ text }) => text)];
}

const COMMANDS =
  'commands: {get: {class: safe, operands: "[<text>...]"}, "get sub": {class: safe, operands: "[<text>...]"}}';

describe('a call is read as by', () => {
  it('getopt: `=` behind a letter belongs to the value', () => {
    expect(read('getopt_long', '-o=v')).toEqual(['ok', ['-o =v'], []]);
    expect(read('getopt_long', '-ao=v')).toEqual(['ok', ['-a', '-o =v'], []]);
  });

  it('git: what is turned off takes no value', () => {
    expect(read('git', '--no-out -a w')).toEqual(['ok', ['no --no-out', '-a'], ['w']]);
    expect(read('git', '--no-out=w')).toEqual(['--no-out', [], []]);
  });

  it('pflag: the value of `-o=` is not empty', () => {
    expect(read('pflag', '-o=v')).toEqual(['ok', ['-o v'], []]);
    expect(read('pflag', '-ao=v')).toEqual(['ok', ['-a', '-o v'], []]);
    expect(read('pflag', '-o=')[0]).toBe('-o');
  });

  it('cobra: a subcommand that is the value of an option before it may be either', () => {
    expect(read('pflag', 'get -o sub sub w', COMMANDS)).toEqual(['sub', ['get', 'sub'], []]);
    expect(read('pflag', '-o get get sub w', COMMANDS)[0]).toBe('get');
    expect(read('pflag', 'get -o x sub sub', COMMANDS)).toEqual(['ok', ['get', 'sub', '-o x'], ['sub']]);
  });

  it('argparse: versions differ in `=` inside a cluster, and `--` gets lost', () => {
    expect(read('argparse', '-o=v')).toEqual(['ok', ['-o v'], []]);
    expect(read('argparse', '-ao=v')[0]).toBe('-o');
    expect(read('argparse', '--out=--')[0]).toBe('--out');
    expect(read('argparse', '-o--')[0]).toBe('-o');
  });

  it('nopt: an attached value with a dash is an option to it', () => {
    expect(read('nopt', '--out=v')).toEqual(['ok', ['--out v'], []]);
    expect(read('nopt', '--out=--sub=x')[0]).toBe('--out');
    expect(read('argparse', '--out=--sub=x')).toEqual(['ok', ['--out --sub=x'], []]);
  });

  it('picocli: a word behind an attached value may be one more value', () => {
    expect(read('picocli', '--exec v w -a w')).toEqual(['ok', ['--exec v w', '-a'], ['w']]);
    expect(read('picocli', '--exec=v -a w')).toEqual(['ok', ['--exec v', '-a'], ['w']]);
    expect(read('picocli', '-xv w -a')[0]).toBe('-x');
  });

  it('find: what it runs ends at `;`, whatever its words look like', () => {
    expect(read('long-words', '--exec echo -a ; -a')).toEqual(['ok', ['--exec echo -a ;', '-a'], []]);
    expect(read('long-words', '--exec echo + {} + -a')).toEqual(['ok', ['--exec echo + {} +', '-a'], []]);
    expect(read('long-words', '--exec echo -a')[0]).toBe('--exec');
  });

  it('ssh: a value `--` before the host may end the options', () => {
    const SSH = 'options-end: 2\noperands: "[<text>...]"';
    expect(read('getopt', '-o v w -a w -a', SSH)).toEqual(['ok', ['-o v', '-a'], ['w', 'w', '-a']]);
    expect(read('getopt', '-o -- w -a', SSH)[0]).toBe('--');
  });

  it('tar: an empty first word is a bundle of nothing', () => {
    expect(read('tar', ' -a w')).toEqual(['ok', ['-a'], ['w']]);
    expect(read('tar', 'ao v w')).toEqual(['ok', ['-a', '-o v'], ['w']]);
  });
});
