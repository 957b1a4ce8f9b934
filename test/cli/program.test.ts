import { describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { runCommand } from './run-command.ts';

describe('the command line', () => {
  it.each([
    ['an unknown command', ['sevre']],
    ['words that belong to nothing', ['status', 'now']],
    ['words behind -- that belong to nothing', ['status', '--', 'now']],
    ['an unknown option', ['status', '--verbose']],
  ])('refuses %s with 64, in our form', async (_name, argv) => {
    const { status, stdout, stderr } = await runCommand(() => runProgram(argv));
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
    expect(stderr).toMatch(/^carapace: error: [a-z][^\n]*\ncarapace: hint: [^\n]+\n$/);
  });

  it('prints the version with 0', async () => {
    expect(await runCommand(() => runProgram(['--version']))).toMatchObject({ status: 0, stderr: '' });
  });
});
