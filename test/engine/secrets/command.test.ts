import { chmodSync, chownSync, closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCommands } from '../../../src/engine/secrets/command.ts';
import type { Commands } from '../../../src/engine/secrets/command.ts';
import type { Found } from '../../../src/engine/secrets/resolve-text.ts';
import type { Folder } from './resolver-fixtures.ts';
import { expectProblem, makeFolder, MARK } from './resolver-fixtures.ts';

const isRoot = process.getuid?.() === 0;

function valueOf(found: Found): string {
  return found.ok ? found.value.reveal() : `problem: ${found.problem}`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('the program of a command reference', () => {
  let folder: Folder;
  let commands: Commands;
  beforeEach(() => {
    folder = makeFolder();
    commands = createCommands();
  });
  afterEach(async () => {
    await commands.close();
    folder.remove();
  });

  /** The process whose number a script wrote into a file. */
  const pidIn = async (name: string): Promise<number> => {
    while (!existsSync(folder.path(name)) || readFileSync(folder.path(name), 'utf8') === '') await delay(5);
    return Number(readFileSync(folder.path(name), 'utf8'));
  };
  const gone = async (pid: number): Promise<void> => {
    while (isAlive(pid)) await delay(5);
  };

  it('prints the value; one newline at its end is left out', async () => {
    expect(valueOf(await commands.run(folder.script('print', `echo ${MARK}`)))).toBe(MARK);
    expect(valueOf(await commands.run(folder.script('print', `printf '${MARK}\\r\\n'`)))).toBe(MARK);
    expect(valueOf(await commands.run(folder.script('print', 'printf "a\\nb\\n\\n"')))).toBe('a\nb\n');
  });

  it('gets its arguments as they are written', async () => {
    const script = folder.script('arguments', `printf '<%s>' "$@"`);
    const [program] = script.argv;
    const found = await commands.run({ ...script, argv: [program, 'a b', '', '$HOME', '*'] });
    expect(valueOf(found)).toBe('<a b><><$HOME><*>');
  });

  it('gets PATH, HOME and LANG, and nothing else of an environment', async () => {
    const reference = { kind: 'command', argv: ['/usr/bin/env'], timeLimitMs: 20_000, cacheMs: 0 } as const;
    process.env['CARAPACE_TEST_SECRET'] = MARK;
    const found = await commands.run(reference);
    delete process.env['CARAPACE_TEST_SECRET'];
    expect(valueOf(found).split('\n').toSorted()).toEqual([
      `HOME=${userInfo().homedir}`,
      'LANG=C.UTF-8',
      'PATH=/usr/local/bin:/usr/bin:/bin',
    ]);
  });

  it("starts in /, with an empty stdin, and with none of the gateway's files", async () => {
    const body = 'pwd; cat; for fd in /proc/$$/fd/*; do echo "${fd##*/} $(readlink "$fd")"; done; true';
    const opened = openSync(folder.file('opened', MARK), 'r');
    const [directory, ...open] = valueOf(await commands.run(folder.script('look', body))).split('\n');
    closeSync(opened);
    expect(directory).toBe('/');
    expect(open).toContain('0 /dev/null');
    expect(open).toContain('2 /dev/null');
    expect(open.filter((line) => line.endsWith(folder.path('opened')))).toEqual([]);
  });

  it('has failed where its status is not 0, whatever it printed; neither stdout nor stderr is told', async () => {
    const script = folder.script('fail', `echo ${MARK}; echo ${MARK} >&2; exit 3`);
    expectProblem(await commands.run(script), 'ended with status 3');
    expectProblem(await commands.run(folder.script('die', `echo ${MARK}; kill -9 $$`)), 'died by SIGKILL');
  });

  it('has failed where it prints nothing, NUL, or no UTF-8', async () => {
    for (const print of ['true', 'echo', "printf '\\r\\n'"])
      expectProblem(await commands.run(folder.script('empty', print)), 'printed nothing');
    expectProblem(await commands.run(folder.script('nul', `printf '${MARK}\\0'`)), 'holds a NUL byte');
    expectProblem(await commands.run(folder.script('bytes', `printf '${MARK}\\377'`)), 'is no valid UTF-8');
  });

  it('is ended with all of its process group at its time limit', async () => {
    const body = `sleep 600 & echo $! > ${folder.path('child')}; echo ${MARK}; wait`;
    const script = folder.script('slow', body, { timeLimitMs: 300 });
    expectProblem(await commands.run(script), 'did not end within 0.3 s');
    await gone(await pidIn('child'));
  });

  it('is ended where it prints more than a megabyte', async () => {
    expectProblem(await commands.run(folder.script('much', `yes ${MARK}`)), 'printed more than 1048576 bytes');
    const enough = folder.script('enough', 'head -c 1048576 /dev/zero | tr "\\0" x');
    expect(valueOf(await commands.run(enough)).length).toBe(1024 * 1024);
  });

  it('leaves nothing of its process group', async () => {
    const body = `sleep 600 > /dev/null & echo $! > ${folder.path('child')}; echo ${MARK}`;
    expect(valueOf(await commands.run(folder.script('leave', body)))).toBe(MARK);
    await gone(await pidIn('child'));
  });

  it('may leave a process in another session that has closed its stdout', async () => {
    const body = `setsid sleep 60 > /dev/null & echo $! > ${folder.path('child')}; echo ${MARK}`;
    expect(valueOf(await commands.run(folder.script('daemon', body)))).toBe(MARK);
    const pid = await pidIn('child');
    process.kill(pid);
    await gone(pid);
  });

  it('has failed where something that it left behind may still print', async () => {
    const body = `setsid sleep 60 & echo $! > ${folder.path('child')}; echo ${MARK}`;
    const found = await commands.run(folder.script('daemon', body));
    process.kill(await pidIn('child'));
    expectProblem(found, 'left a process behind that holds its stdout open');
  });

  it('is not started where it is not there, no program, or others could have written it', async () => {
    const script = folder.script('print', `echo ${MARK}`);
    const [program] = script.argv;
    expectProblem(await commands.run({ ...script, argv: ['/nonexistent/x'] }), 'is not there');
    chmodSync(program, 0o600);
    expectProblem(await commands.run(script), 'is not an executable file');
    chmodSync(program, 0o722);
    expectProblem(await commands.run(script), /can be written by others \(mode 0722\)$/);
    chmodSync(program, 0o700);
    if (isRoot) {
      chownSync(program, 4321, 0);
      expectProblem(await commands.run(script), /is owned by user 4321, expected 0 or 0$/);
    }
    expect(folder.runs()).toBe(0);
  });

  it('has failed where the system cannot start it', async () => {
    const program = folder.file('script', '#!/nonexistent/sh\n', 0o700);
    const reference = { kind: 'command', argv: [program], timeLimitMs: 20_000, cacheMs: 0 } as const;
    expectProblem(await commands.run(reference), 'cannot be started (ENOENT)');
    const long: [string, ...string[]] = ['/bin/echo', MARK.repeat(20_000)];
    expectProblem(await commands.run({ ...reference, argv: long }), 'cannot be started (E2BIG)');
    expectProblem(await commands.run({ ...reference, argv: ['/bin/echo', `${MARK}\0`] }), /^cannot be started/);
  });

  it('is ended when the gateway stops, and none is started from then on', async () => {
    const script = folder.script('slow', `echo $$ > ${folder.path('self')}; sleep 600; echo ${MARK}`);
    const running = commands.run(script);
    const pid = await pidIn('self');
    await commands.close();
    expect(isAlive(pid)).toBe(false);
    expectProblem(await running, 'was ended, because the gateway is stopping');
    expectProblem(await commands.run(script), 'the gateway is stopping');
    expect(folder.runs()).toBe(1);
  });
});
