import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { finish, processesWith, until } from '../helpers/gateway.ts';

const DEMO = fileURLToPath(new URL('../../scripts/demo.js', import.meta.url));
/** The demo's directory for this run, as the messages of `--keep` name it. */
const DIRECTORY = /\/\S*\/cp-demo-\w+/;

function startDemo(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [DEMO, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('npm run demo', () => {
  it('shows an allow, refusals, a pipe, a stream, the records and an explanation, and leaves nothing', async () => {
    const { status, stdout, stderr } = await finish(startDemo());
    const text = stdout.toString();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const words of [
      'vm$ date +%F',
      'option -r is not allowed (option-refused',
      'no such tool for this client (no-such-tool',
      'exit 127',
      '| wc -l',
      'first note\n    second note\n    third note',
      'host$ carapace audit',
      'host$ carapace policy explain',
      'Every step did what it says.',
    ]) {
      expect(text).toContain(words);
    }
    expect(text).not.toContain('\x1b');
  });

  it('with --keep stays up, says what to type, and Ctrl-C removes all of it', async () => {
    const demo = startDemo('--keep');
    let text = '';
    demo.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await until(() => text.includes('status --dir'), 25_000);
    const directory = DIRECTORY.exec(text)?.[0] ?? '';
    expect(existsSync(directory)).toBe(true);
    const typed = /export (CARAPACE_SSH_CONFIG=.*)\n\s*(date.*)\n/.exec(text);
    const call = spawn('sh', ['-c', `export ${typed?.[1] ?? ''}; ${typed?.[2] ?? ''}`]);
    expect(await finish(call)).toMatchObject({ status: 0, stderr: '' });

    const exited = once(demo, 'exit');
    demo.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
    expect(existsSync(directory)).toBe(false);
    await until(() => processesWith(directory).length === 0);
  });
});
