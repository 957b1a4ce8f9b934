// `npm run demo`: a gateway with a real client key on a free loopback port, and every kind of call through the real shim
// and the real ssh. Exit status 0 only if each step did what it says. With --keep it stays up until Ctrl-C.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  appendFileSync,
  constants,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants as osConstants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const SHIM = fileURLToPath(new URL('../src/vm/carapace-shim', import.meta.url));
const TIME_LIMIT_MS = 20_000;

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });

const root = mkdtempSync(join(tmpdir(), 'cp-demo-'));
const HOST = join(root, 'host');
const VM = join(root, 'vm');
const NOTES = join(HOST, 'notes.log');
const POLICY = join(HOST, 'policies', 'demo.yaml');
const SSH_CONFIG = join(VM, 'ssh_config');
/** What the client machine's user has: no more than a PATH with the shim's symlinks before the system's tools. */
const VM_ENV = { HOME: VM, PATH: `${join(VM, 'bin')}:/usr/bin:/bin`, CARAPACE_SSH_CONFIG: SSH_CONFIG };

const POLICY_TEXT = `version: 1
tools:
  date:
    type: cli
    binary: ${find('date')}
    argv_allow_patterns: ["", "+*", "-u +*"]    # any other option is refused
  wc:
    type: cli
    binary: ${find('wc')}
    argv_allow_patterns: ["-l", "-c"]
    stdin: stream                               # it gets what the caller pipes in
  tail:
    type: cli
    binary: ${find('tail')}
    argv_allow_patterns: ["-n +1 -f ${NOTES}"]
`;

const paint = (/** @type {number} */ code, /** @type {string} */ text) =>
  process.stdout.isTTY && process.env['NO_COLOR'] === undefined ? `\x1b[${code}m${text}\x1b[0m` : text;
const print = (text = '') => process.stdout.write(`${text}\n`);
const indent = (/** @type {string} */ text) => text.trimEnd().replaceAll(/^/gm, '    ');
const shortened = (/** @type {string} */ text) => text.replaceAll(`${HOST}/`, '').replaceAll(`${root}/`, '');

/** The process of `carapace serve`, once it was started. */
let gateway;
let failures = 0;
/** Whether all is done, and only Ctrl-C is waited for. */
let keeps = false;

/** The demo's own way to give up: what is wrong, and what to do. */
class DemoError extends Error {
  /** @param {string} message @param {string} hint */
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

/** @param {string} tool */
function find(tool) {
  const found = ['/usr/bin', '/bin'].map((folder) => join(folder, tool)).find(isExecutable);
  if (found === undefined)
    throw new DemoError(`no ${tool} in /usr/bin or /bin`, `install the package that has ${tool}`);
  return found;
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} line a command line for sh, as somebody on the client machine would type it
 * @param {(pressCtrlC: () => void) => void} [onLine] called for each line of output as it arrives
 */
async function onVm(line, onLine) {
  const started = performance.now();
  // A process group of its own, as a shell gives each command, so that Ctrl-C reaches all of it.
  const stdio = /** @type {const} */ (['ignore', 'pipe', 'pipe']);
  const child = spawn('sh', ['-c', line], { env: VM_ENV, cwd: VM, stdio, detached: true });
  const signalAll = (/** @type {NodeJS.Signals} */ signal) => process.kill(-(child.pid ?? 0), signal);
  const timer = setTimeout(() => signalAll('SIGKILL'), TIME_LIMIT_MS);
  let output = '';
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  createInterface({ input: child.stdout }).on('line', (text) => {
    output += `${text}\n`;
    onLine?.(() => signalAll('SIGINT'));
  });
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  const status = Number(code ?? 128 + (osConstants.signals[signal] ?? 0));
  return { status, output, ms: performance.now() - started };
}

/** Runs a command of carapace to its end. @param {string[]} args */
function carapace(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    timeout: TIME_LIMIT_MS,
  });
  return { status: status ?? -1, output: stdout, stderr };
}

/** The same, for a command that has to succeed. @param {string[]} args */
function mustCarapace(...args) {
  const done = carapace(...args);
  if (done.status !== 0) throw new DemoError(`carapace ${args.join(' ')}: status ${done.status}`, done.stderr.trim());
  return done.output;
}

/**
 * Shows one step and checks it.
 * @param {{ where: 'vm' | 'host', typed: string, why: string, note?: string }} step
 * @param {{ status: number, output: string }} done
 * @param {{ status: number, output: RegExp }} expected
 */
function show({ where, typed, why, note }, done, expected) {
  const well = done.status === expected.status && expected.output.test(done.output);
  if (!well) failures += 1;
  print(`${paint(36, `${where}$`)} ${paint(1, shortened(typed))}`);
  print(indent(shortened(done.output)));
  const status = paint(done.status === 0 ? 32 : 33, `exit ${done.status}`);
  print(`    ${status}${note === undefined ? '' : `, ${note}`}  ${paint(2, why)}`);
  if (!well) print(paint(31, `    NOT AS EXPECTED: exit ${expected.status} and ${expected.output}`));
  print();
}

/** The host's side: a policy, a client with a new key, a running gateway; returns its port. */
async function setUpHost() {
  mkdirSync(join(HOST, 'policies'), { recursive: true, mode: 0o755 });
  writeFileSync(POLICY, POLICY_TEXT, { mode: 0o644 });
  writeFileSync(NOTES, 'first note\n', { mode: 0o644 });
  mkdirSync(VM, { mode: 0o700 });
  mustCarapace('client', 'add', 'demo-vm', '--policy', 'demo', '--new-key', join(VM, 'id_ed25519'), '--dir', HOST);
  const child = spawn(process.execPath, [MAIN, 'serve', '--dir', HOST, '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  gateway = child;
  let log = '';
  for await (const chunk of child.stderr) {
    log += String(chunk);
    const port = /listening on 127\.0\.0\.1:(\d+)\n/.exec(log)?.[1];
    if (port === undefined) continue;
    return port;
  }
  throw new DemoError('the gateway did not start', log.trim());
}

/**
 * The client machine's side: what `client show --ssh-config` prints, and a symlink for each tool.
 * @param {string} port
 */
function setUpVm(port) {
  const printed = mustCarapace('client', 'show', 'demo-vm', '--ssh-config', '--port', port, '--json', '--dir', HOST);
  const { sshConfig, knownHosts } = JSON.parse(printed);
  writeFileSync(SSH_CONFIG, String(sshConfig).replaceAll('~/.config/carapace', VM), { mode: 0o600 });
  writeFileSync(join(VM, 'known_hosts'), String(knownHosts), { mode: 0o600 });
  writeFileSync(join(VM, 'stdin-tools'), 'wc\n');
  mkdirSync(join(VM, 'bin'));
  for (const tool of ['date', 'wc', 'tail', 'kubectl']) symlinkSync(SHIM, join(VM, 'bin', tool));
}

async function callTools() {
  /** @param {string} typed @param {number} status @param {RegExp} output @param {string} why */
  const call = async (typed, status, output, why) => {
    const done = await onVm(typed);
    show({ where: 'vm', typed, why, note: `${Math.round(done.ms)} ms` }, done, { status, output });
  };
  await call('date +%F', 0, /^\d{4}-\d\d-\d\d\n$/, 'allowed: the shim sent it over ssh, the host ran it');
  await call('date -r /etc/shadow', 126, /option -r is not allowed \(option-refused/, 'no rule names the option -r');
  await call('kubectl get secrets', 127, /no such tool .*\(no-such-tool/, 'what was not granted does not exist');
  await call("printf 'one\\ntwo\\nthree\\n' | wc -l", 0, /^3\n$/, 'the pipe ends in a process on the host');
  await streamLines();
  await call('date -u +%T', 0, /^\d\d:\d\d:\d\d\n$/, 'warm: the one connection carries all calls');
}

/**
 * Each further line is written only after the one before it came through: output is not held back until the end. Then
 * somebody presses Ctrl-C, and the tool on the host is ended.
 */
async function streamLines() {
  const further = ['second note', 'third note'];
  /** @type {number[]} */
  const delays = [];
  let writtenAt = Number.NaN;
  const typed = `tail -n +1 -f ${NOTES}`;
  const done = await onVm(typed, (pressCtrlC) => {
    if (!Number.isNaN(writtenAt)) delays.push(performance.now() - writtenAt);
    const next = further.shift();
    if (next === undefined) return pressCtrlC();
    writtenAt = performance.now();
    appendFileSync(NOTES, `${next}\n`);
  });
  const note = `each line ${Math.max(...delays).toFixed(1)} ms after it was written`;
  const why = 'a stream; Ctrl-C ends the tool too';
  show({ where: 'vm', typed, why, note }, done, { status: 130, output: /^first note\nsecond note\nthird note\n$/ });
}

async function showRecords() {
  const args = ['audit', '--client', 'demo-vm', '--dir', HOST];
  // After Ctrl-C nobody waits for the tool's end, so its outcome may come a moment later.
  const end = performance.now() + 5000;
  let audit = carapace(...args);
  while (!/tail.*: client left/.test(audit.output) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    audit = carapace(...args);
  }
  const withoutDates = audit.output.replaceAll(/^\S+T(\S+)Z {2}/gm, '$1  ').replaceAll(/ {2}\w{26}$/gm, '');
  const why = 'one connection; each decision was written before anything ran (dates and request ids cut here)';
  const records = new RegExp(
    [
      'connection +demo-vm +opened',
      'allow .*date \\+%F: exit 0',
      'deny .*date -r /etc/shadow \\(option-refused\\)',
      'deny .*kubectl get secrets \\(no-such-tool\\)',
      'allow .*wc -l: exit 0',
      'allow .*tail -n \\+1 -f .*client left',
      'allow .*date -u \\+%T: exit 0',
    ].join('[^\\n]*\\n[^\\n]*'),
  );
  show(
    { where: 'host', typed: 'carapace audit --client demo-vm', why },
    { ...audit, output: withoutDates },
    { status: 0, output: records },
  );

  const typed = `carapace policy explain --policy ${POLICY} -- date -r /etc/shadow`;
  const explained = carapace('policy', 'explain', '--policy', POLICY, '--', 'date', '-r', '/etc/shadow');
  show({ where: 'host', typed, why: 'every rule, and why it did not match' }, explained, {
    status: 1,
    output: /^deny: date: option -r is not allowed[^]*policies\/demo\.yaml:\d+/,
  });
}

async function keep() {
  print(`The gateway stays up until Ctrl-C. In another terminal, be the client:

  export CARAPACE_SSH_CONFIG=${SSH_CONFIG} PATH=${join(VM, 'bin')}:$PATH
  date +%F
  ssh -F ${SSH_CONFIG} carapace tools

or the operator, who may also edit ${POLICY} (it takes effect within a second):

  node ${MAIN} audit --follow --dir ${HOST}
  node ${MAIN} status --dir ${HOST}
`);
  keeps = true;
  await once(gateway, 'exit');
}

async function cleanUp() {
  spawnSync('ssh', ['-F', SSH_CONFIG, '-O', 'exit', 'carapace'], { stdio: 'ignore' });
  if (gateway !== undefined && gateway.exitCode === null && gateway.signalCode === null) {
    const exited = once(gateway, 'exit');
    gateway.kill('SIGTERM');
    await exited;
  }
  rmSync(root, { recursive: true, force: true });
}

async function main() {
  for (const program of ['ssh', 'ssh-keygen']) find(program);
  if (!isExecutable(MAIN)) throw new DemoError('dist/ is not built', 'run: npm run build');
  const port = await setUpHost();
  setUpVm(port);
  print(`A gateway on 127.0.0.1:${port} (the host), and a client machine that has only ssh and the shim.\n`);
  print(`${paint(36, 'host$')} ${paint(1, 'cat policies/demo.yaml')}`);
  print(`${indent(shortened(POLICY_TEXT))}\n`);
  await callTools();
  await showRecords();
  print(
    failures === 0
      ? paint(32, 'Every step did what it says.')
      : paint(31, `${failures} steps did not do what they say.`),
  );
  if (values.keep) await keep();
}

/** Whatever happens, nothing is left running and no file stays. */
async function runAndCleanUp() {
  try {
    const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(() => true);
    const stoppedEarly = (await Promise.race([main(), interrupted])) === true && !keeps;
    return failures === 0 && !stoppedEarly ? 0 : 1;
  } catch (error) {
    const hint = error instanceof DemoError ? error.hint : 'npm run build, then try again';
    process.stderr.write(`carapace demo: error: ${error.message}\ncarapace demo: hint: ${hint}\n`);
    return 1;
  } finally {
    await cleanUp();
  }
}

process.exit(await runAndCleanUp());
