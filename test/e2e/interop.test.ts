/** Other SSH clients than OpenSSH's, and an auditor of algorithms. Each test is skipped where its program is not installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, TestGateway } from '../helpers/gateway.ts';

const has = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore' }).error === undefined;
/** Debian's Python is the one that Debian's paramiko is for. */
const PYTHON = '/usr/bin/python3';
const hasParamiko =
  existsSync(PYTHON) && spawnSync(PYTHON, ['-c', 'import paramiko'], { stdio: 'ignore' }).status === 0;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());

describe('another client', () => {
  it.skipIf(!has('dbclient', '-h') || !has('dropbearconvert'))(
    'dbclient, whose first guess of the key exchange must count as wrong',
    async () => {
      const key = `${gateway.client().keyFile}.db`;
      execFileSync('dropbearconvert', ['openssh', 'dropbear', gateway.client().keyFile, key], { stdio: 'ignore' });
      const done = await run('dbclient', [
        '-y',
        '-y',
        '-i',
        key,
        '-p',
        String(gateway.port),
        'x@127.0.0.1',
        'echo dropbear',
      ]);
      expect(done.stdout.toString()).toBe('dropbear\n');
      expect(done.status).toBe(0);
    },
  );

  it.skipIf(!has('plink', '-V') || !has('puttygen', '-V'))('plink', async () => {
    const key = `${gateway.client().keyFile}.ppk`;
    execFileSync('puttygen', [gateway.client().keyFile, '-O', 'private', '-o', key], { stdio: 'ignore' });
    const { stdout } = await gateway.carapace(['client', 'show', 'vm', '--ssh-config']);
    const fingerprint = /SHA256:[A-Za-z0-9+/]+/.exec(
      stdout.toString().slice(stdout.toString().indexOf('known_hosts')),
    )?.[0];
    const hostKey = fingerprint ?? 'none';
    const done = await run('plink', [
      '-batch',
      '-hostkey',
      hostKey,
      '-i',
      key,
      '-P',
      String(gateway.port),
      'x@127.0.0.1',
      'echo putty',
    ]);
    expect(done.stdout.toString()).toBe('putty\n');
    expect(done.status).toBe(0);
  });

  it.skipIf(!hasParamiko)('paramiko, with streams and a status', async () => {
    const script = `
import paramiko, sys
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect('127.0.0.1', int(sys.argv[1]), 'x', key_filename=sys.argv[2], look_for_keys=False, allow_agent=False)
stdin, stdout, stderr = client.exec_command('cat')
stdin.write('through paramiko')
stdin.channel.shutdown_write()
print(stdout.read().decode(), stdout.channel.recv_exit_status())
client.close()
`;
    const done = await run(PYTHON, ['-c', script, String(gateway.port), gateway.client().keyFile]);
    expect(done.stdout.toString()).toBe('through paramiko 0\n');
  });
});

describe('the algorithms', () => {
  it.skipIf(!has('ssh-audit', '-h'))('have no failure in the eyes of ssh-audit', async () => {
    const done = await run('ssh-audit', ['-n', '-p', String(gateway.port), '127.0.0.1']);
    const report = done.stdout.toString();
    expect(report).toContain('curve25519-sha256');
    expect(report.split('\n').filter((line) => line.includes('[fail]'))).toEqual([]);
  });
});
