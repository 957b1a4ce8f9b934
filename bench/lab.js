// The bench's laboratory: a gateway and an OpenSSH sshd with a forced command, side by side on loopback, in a temporary
// directory, with one key for both. Everything ends and is removed with `close`.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inputs, redactions } from './redact.js';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const SHIM = fileURLToPath(new URL('../src/vm/carapace-shim', import.meta.url));
const SSHD = '/usr/sbin/sshd';

const POLICY = `version: 1
tools:
  "true": {type: cli, binary: /bin/true, argv_allow_patterns: [""], max_concurrent: 64}
  head: {type: cli, binary: /usr/bin/head, argv_allow_patterns: ["-c * /dev/zero"], timeout_secs: 120}
  wc: {type: cli, binary: /usr/bin/wc, argv_allow_patterns: ["-c"], stdin: stream, timeout_secs: 120}
`;

/** Of the file that is printed with secrets redacted, and without. */
const FILE_BYTES = 64 * 1024 ** 2;

/**
 * A file of text, ten secrets, and tools that print the file so many times, with the secrets injected and without. Text is
 * what costs redaction most: it looks most like secrets.
 * @param {(name: string) => string} path @param {number} times
 */
function redactionPolicy(path, times) {
  const variables = redactions().map(({ value }, index) => {
    writeFileSync(path(`secret-${index}`), value.reveal(), { mode: 0o600 });
    return `VALUE_${index}: {file: ${path(`secret-${index}`)}}`;
  });
  writeFileSync(path('text'), Buffer.alloc(FILE_BYTES, inputs().text));
  const cat = `type: cli, binary: /bin/cat, argv_allow_patterns: ["${Array(times).fill('*').join(' ')}"], timeout_secs: 120`;
  return `  print: {${cat}}
  print-redacted: {${cat}, env_inject: {${variables.join(', ')}}}
`;
}

/** What sshd runs for every command: the shell that a hand-made gateway would use. */
const FORCED = `#!/bin/sh
case "$SSH_ORIGINAL_COMMAND" in
  true) exec /bin/true ;;
  "head -c "*" /dev/zero") set -- $SSH_ORIGINAL_COMMAND; exec /usr/bin/head -c "$3" /dev/zero ;;
  "wc -c") exec /usr/bin/wc -c ;;
  *) echo denied >&2; exit 126 ;;
esac
`;

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts both servers and a multiplexing master for each. @param {number} bytes what throughput is measured with */
export async function openLab(bytes) {
  const printTimes = Math.max(1, Math.round(bytes / FILE_BYTES));
  const home = mkdtempSync(join(tmpdir(), 'cb-'));
  const path = (/** @type {string} */ name) => join(home, name);
  const children = [];
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path('key')]);
  const publicKey = execFileSync('ssh-keygen', ['-y', '-f', path('key')])
    .toString()
    .trim()
    .split(' ')
    .slice(0, 2)
    .join(' ');

  for (const part of ['gw', 'gw/policies', 'gw/authorized_keys.d', 'bin']) mkdirSync(path(part), { mode: 0o755 });
  writeFileSync(path('gw/policies/bench.yaml'), POLICY + redactionPolicy(path, printTimes));
  writeFileSync(
    path('gw/authorized_keys.d/vm'),
    `restrict,command="carapace force --client vm --policy bench" ${publicKey}\n`,
  );
  const gateway = spawn(process.execPath, [MAIN, 'serve', '--dir', path('gw'), '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(gateway);
  let log = '';
  while (!log.includes('listening on')) log += String((await once(gateway.stderr, 'data'))[0]);
  gateway.stderr.resume();
  const gatewayPort = Number(/listening on .*:(\d+)/.exec(log)?.[1]);

  const hasSshd = existsSync(SSHD);
  const sshdPort = hasSshd ? await freePort() : 0;
  if (hasSshd) children.push(await startSshd(path, publicKey, sshdPort));

  const hosts = { gateway: gatewayPort, sshd: sshdPort };
  const block = (/** @type {string} */ name, /** @type {number} */ port, /** @type {string} */ control) =>
    [
      `Host ${name}`,
      `  HostName 127.0.0.1`,
      `  Port ${port}`,
      `  IdentityFile ${path('key')}`,
      '  IdentitiesOnly yes',
      '  BatchMode yes',
      '  StrictHostKeyChecking no',
      `  UserKnownHostsFile ${path('known_hosts')}`,
      '  LogLevel ERROR',
      // As `client show --ssh-config` prints it, for both.
      '  Ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com',
      '  ControlMaster no',
      `  ControlPath ${control}`,
    ].join('\n');
  const blocks = Object.entries(hosts).flatMap(([name, port]) => [
    block(name, port, path(`mux-${name}`)),
    block(`cold-${name}`, port, 'none'),
  ]);
  writeFileSync(path('ssh_config'), `${blocks.join('\n')}\n`);
  // The shim calls a host named `carapace`.
  writeFileSync(path('shim_config'), `${block('carapace', gatewayPort, path('mux-gateway'))}\n`);
  symlinkSync(SHIM, path('bin/true'));

  const config = path('ssh_config');
  for (const name of hasSshd ? ['gateway', 'sshd'] : ['gateway']) {
    children.push(spawn('ssh', ['-F', config, '-M', '-N', name], { stdio: 'ignore' }));
    while (spawnStatus('ssh', ['-F', config, '-O', 'check', name]) !== 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
  }

  return {
    hasSshd,
    /** Prints text, with ten secrets redacted or without. @param {'print' | 'print-redacted'} tool */
    print: (tool) => ({
      file: 'ssh',
      args: ['-F', config, 'cold-gateway', tool, ...Array(printTimes).fill(path('text'))],
      env: process.env,
    }),
    gatewayPort,
    gatewayPid: gateway.pid ?? 0,
    keyFile: path('key'),
    /** @param {string} host @param {string[]} command */
    ssh: (host, ...command) => ({ file: 'ssh', args: ['-F', config, host, ...command], env: process.env }),
    shim: () => ({
      file: path('bin/true'),
      args: [],
      env: { ...process.env, CARAPACE_SSH_CONFIG: path('shim_config') },
    }),
    close: () => {
      for (const child of children.toReversed()) child.kill('SIGTERM');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** @param {(name: string) => string} path @param {string} publicKey @param {number} port */
async function startSshd(path, publicKey, port) {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path('sshd_host_key')]);
  writeFileSync(path('forced'), FORCED);
  chmodSync(path('forced'), 0o755);
  writeFileSync(path('keys'), `${publicKey}\n`, { mode: 0o600 });
  writeFileSync(
    path('sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${path('sshd_host_key')}`,
      `AuthorizedKeysFile ${path('keys')}`,
      `ForceCommand ${path('forced')}`,
      `PidFile ${path('sshd.pid')}`,
      'UsePAM no',
      'StrictModes no',
      'PasswordAuthentication no',
      'PermitRootLogin yes',
      'MaxSessions 64',
      'MaxStartups 100',
      '',
    ].join('\n'),
  );
  // sshd's own directory for privilege separation; it exists wherever Debian's package has started it once.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  return spawn(SSHD, ['-D', '-f', path('sshd_config')], { stdio: 'ignore' });
}

/** @param {string} file @param {string[]} args */
function spawnStatus(file, args) {
  try {
    execFileSync(file, args, { stdio: 'ignore' });
    return 0;
  } catch {
    return 1;
  }
}
