/**
 * A real gateway for tests: the compiled `carapace serve` on a free loopback port, in a directory of its own, with real
 * keys; and the stock `ssh` to call it with. Everything is removed afterwards, once it was searched for secrets.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askGateway } from '../../src/cli/operator-client.ts';
import { formatPrivateKey } from '../../src/identity/private-key.ts';
import { filesBelow, findLeaks, type Kept, ownKeys, type Place } from './leak-walk.ts';
import { type RawKey, rawKey } from './raw-ssh.ts';

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
export const SHIM = fileURLToPath(new URL('../../src/vm/carapace-shim', import.meta.url));
export const FIXTURES = fileURLToPath(new URL('../fixtures/tools/', import.meta.url));

export interface Finished {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly ms: number;
}

export interface RunOptions {
  readonly input?: Buffer | string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

/** What every program that was run here said on stderr: clients and commands, whichever gateway they asked. */
const saidByClients: Place[] = [];
/** Of each; beyond it is what tools poured out. */
const MAX_KEPT_CHARS = 1024 * 1024;

/** Runs a program to its end and keeps what it wrote. */
export async function finish(child: ChildProcess, { input, timeoutMs = 25_000 }: RunOptions = {}): Promise<Finished> {
  const started = performance.now();
  const out: Buffer[] = [];
  const said: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  const stderr = Buffer.concat(said).toString();
  const name = `stderr of ${child.spawnargs.slice(0, 4).join(' ')}`;
  if (stderr !== '') saidByClients.push({ name, bytes: Buffer.from(stderr.slice(0, MAX_KEPT_CHARS)) });
  return { status, stdout: Buffer.concat(out), stderr, ms: performance.now() - started };
}

export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return finish(spawn(file, args, { env: options.env ?? process.env }), options);
}

export interface TestClient {
  readonly name: string;
  readonly keyFile: string;
  readonly privateKey: KeyObject;
  readonly raw: RawKey;
  /** An ssh_config with a host `carapace` that never multiplexes, and one `mux` that does once its master is up. */
  readonly sshConfig: string;
}

export interface GatewayOptions {
  /** YAML of policies by name; `TOOLS/` in it is where the fixture tools are. Default: `test`, from `TEST_POLICY`. */
  readonly policies?: Readonly<Record<string, string>>;
  readonly config?: string;
  /** Clients to begin with: name and policies. Default: `vm` with `test`. */
  readonly clients?: Readonly<Record<string, readonly string[]>>;
  readonly listen?: readonly string[];
  readonly nodeArgs?: readonly string[];
  readonly dir?: string;
  /** Secrets to store before it starts, by name. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Variables of its own environment, beside those of the tests. */
  readonly env?: Readonly<Record<string, string>>;
}

export class TestGateway {
  readonly dir: string;
  /** A copy of the fixture tools with modes that the gateway trusts, whatever those of the checkout are. */
  readonly tools: string;
  readonly clients = new Map<string, TestClient>();
  child: ChildProcess;
  port = 0;
  stderr = '';
  readonly #kept: Kept[] = [];
  readonly #options: GatewayOptions;
  readonly #home: string;

  private constructor(options: GatewayOptions) {
    this.#options = options;
    this.#home = mkdtempSync(join(tmpdir(), 'cp-'));
    this.dir = options.dir ?? join(this.#home, 'gw');
    this.tools = join(this.#home, 'tools');
    cpSync(FIXTURES, this.tools, { recursive: true });
    for (const name of ['', ...readdirSync(this.tools)]) chmodSync(join(this.tools, name), 0o755);
    this.child = undefined as unknown as ChildProcess;
  }

  static async start(options: GatewayOptions = {}): Promise<TestGateway> {
    if (!existsSync(MAIN)) throw new Error('dist/ is not built: npm run build');
    const gateway = new TestGateway(options);
    gateway.#writeFiles(options);
    for (const [name, value] of Object.entries(options.secrets ?? {})) await gateway.setSecret(name, value);
    await gateway.launch();
    return gateway;
  }

  #writeFiles({ policies, config, clients }: GatewayOptions): void {
    for (const part of ['', 'authorized_keys.d', 'policies'])
      mkdirSync(join(this.dir, part), { recursive: true, mode: 0o755 });
    for (const [name, text] of Object.entries(policies ?? { test: TEST_POLICY })) this.writePolicy(name, text);
    if (config !== undefined) writeFileSync(join(this.dir, 'carapace.yaml'), config, { mode: 0o644 });
    for (const [name, allowed] of Object.entries(clients ?? { vm: ['test'] })) this.addClient(name, allowed);
  }

  /** From now on no log, record or answer of this gateway and no stderr may hold the value: `stop` looks for it. */
  keepSecret(name: string, value: string): void {
    this.#kept.push({ name, value });
  }

  /** Stores a secret as an operator does, and keeps it. */
  async setSecret(name: string, value: string): Promise<void> {
    this.keepSecret(name, value);
    const { status, stderr } = await this.carapace(['secret', 'set', name], { input: value });
    if (status !== 0) throw new Error(`secret ${name}: not stored: ${stderr}`);
  }

  /** Starts the process (again) and waits until it accepts calls. */
  async launch(): Promise<void> {
    const listen = this.#options.listen ?? ['127.0.0.1:0'];
    const args = [
      ...(this.#options.nodeArgs ?? []),
      MAIN,
      'serve',
      '--dir',
      this.dir,
      ...listen.flatMap((address) => ['--listen', address]),
    ];
    const env = { ...process.env, ...this.#options.env };
    this.child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const before = this.stderr.length;
    await new Promise<void>((resolve, reject) => {
      this.child.stderr?.on('data', (chunk: Buffer) => {
        this.stderr += chunk.toString('utf8');
        const announced = this.stderr.slice(before).match(/^listening on .*\n/gm) ?? [];
        if (announced.length === listen.length) resolve();
      });
      this.child.once('exit', () => reject(new Error(`the gateway ended: ${this.stderr}`)));
    });
    const port = /listening on (?:127\.0\.0\.1|\[::1\]):(\d+)/.exec(this.stderr.slice(before))?.[1];
    this.port = Number(port ?? 0);
    for (const client of this.clients.values()) this.#writeSshConfig(client.name);
  }

  writePolicy(name: string, text: string): void {
    const placed = text.replaceAll('TOOLS/', `${this.tools}/`);
    writeFileSync(join(this.dir, 'policies', `${name}.yaml`), placed, { mode: 0o644 });
  }

  /** Makes a key and the client's file; `options` go in front of the key type. */
  addClient(name: string, policies: readonly string[], extra = ''): TestClient {
    const { privateKey } = generateKeyPairSync('ed25519');
    const keyFile = join(this.#home, `key-${name}`);
    const raw = rawKey(privateKey);
    const client: TestClient = { name, keyFile, privateKey, raw, sshConfig: join(this.#home, `ssh_config-${name}`) };
    writeFileSync(keyFile, formatPrivateKey(privateKey, name, 1), { mode: 0o600 });
    this.clients.set(name, client);
    this.writeKeys(name, this.keyLine(client, policies, extra));
    this.#writeSshConfig(name);
    return client;
  }

  keyLine({ name, raw }: TestClient, policies: readonly string[], extra = ''): string {
    const command = `carapace force --client ${name}${policies.map((policy) => ` --policy ${policy}`).join('')}`;
    return `restrict,command="${command}"${extra} ssh-ed25519 ${raw.blob.toString('base64')} ${name}\n`;
  }

  writeKeys(name: string, text: string): void {
    writeFileSync(join(this.dir, 'authorized_keys.d', name), text, { mode: 0o644 });
  }

  client(name = 'vm'): TestClient {
    const client = this.clients.get(name);
    if (client === undefined) throw new Error(`no client ${name}`);
    return client;
  }

  /** Runs stock ssh with this client's configuration. */
  ssh(args: readonly string[], options: RunOptions & { client?: string } = {}): Promise<Finished> {
    return run('ssh', ['-F', this.client(options.client).sshConfig, 'carapace', ...args], options);
  }

  /** The same, as a child to talk to. */
  spawnSsh(args: readonly string[], client?: string): ChildProcess {
    return spawn('ssh', ['-F', this.client(client).sshConfig, ...args]);
  }

  /** Brings up a client's master connection, which calls through the host `mux` use from then on. */
  async openMaster(client?: string): Promise<ChildProcess> {
    const master = this.spawnSsh(['-M', '-N', 'mux'], client);
    await until(async () => (await finish(this.spawnSsh(['-O', 'check', 'mux'], client))).status === 0);
    return master;
  }

  /** A path under which the shim stands for a tool. */
  shimAs(tool: string): string {
    const path = join(this.#home, 'bin', tool);
    mkdirSync(join(this.#home, 'bin'), { recursive: true });
    if (!existsSync(path)) symlinkSync(SHIM, path);
    return path;
  }

  /** The environment of a shim's caller: where its configuration is, and a PATH. */
  shimEnv(client?: string): NodeJS.ProcessEnv {
    return { PATH: process.env['PATH'], CARAPACE_SSH_CONFIG: this.client(client).sshConfig };
  }

  /** Says which tools the shim gives its caller's stdin. */
  writeStdinTools(...tools: readonly string[]): void {
    writeFileSync(join(this.#home, 'stdin-tools'), tools.map((tool) => `${tool}\n`).join(''));
  }

  /** Runs a request as a frame on the exec command. */
  call(
    tool: string,
    argv: readonly string[],
    options: RunOptions & { client?: string; request?: object } = {},
  ): Promise<Finished> {
    return this.ssh([frame({ tool, argv, ...options.request })], options);
  }

  /** The audit log's records so far. */
  audit(): Record<string, unknown>[] {
    const text = readFileSync(join(this.dir, 'state', 'audit.jsonl'), 'utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Runs a command of carapace on this gateway's directory. */
  carapace(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run(process.execPath, [MAIN, ...args, '--dir', this.dir], options);
  }

  /** Resident memory in bytes. */
  rss(): number {
    const status = readFileSync(`/proc/${this.child.pid ?? 0}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  }

  /** Ends it and removes everything. @throws Error where a secret is in what it said or left behind */
  async stop(): Promise<void> {
    const isRunning = this.child.exitCode === null && this.child.signalCode === null;
    const answers = isRunning ? await this.#answers() : [];
    if (isRunning) {
      const exited = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
      await exited;
      clearTimeout(timer);
    }
    const files = filesBelow(join(this.dir, 'state'));
    rmSync(this.#home, { recursive: true, force: true });
    const log = { name: 'stderr of the gateway', bytes: Buffer.from(this.stderr) };
    const kept = [...this.#kept, ...ownKeys(files)];
    const leaks = findLeaks(kept, [log, ...answers, ...files, ...saidByClients]);
    if (leaks.length > 0) throw new Error(`secrets were found where none may be:\n${leaks.join('\n')}`);
  }

  /** What it tells its operator now. */
  async #answers(): Promise<Place[]> {
    const socket = join(this.dir, 'state', 'operator.sock');
    return Promise.all(
      ['/v1/status', '/v1/health', '/v1/connections'].map(async (path) => {
        const { body } = await askGateway(socket, path);
        return { name: path, bytes: Buffer.from(JSON.stringify(body)) };
      }),
    );
  }

  #writeSshConfig(name: string): void {
    const { keyFile, sshConfig } = this.client(name);
    const common = [
      `  HostName 127.0.0.1`,
      `  Port ${this.port}`,
      `  User carapace`,
      `  IdentityFile ${keyFile}`,
      '  IdentitiesOnly yes',
      '  BatchMode yes',
      '  StrictHostKeyChecking no',
      `  UserKnownHostsFile ${join(this.#home, 'known_hosts')}`,
      '  LogLevel ERROR',
      '  RequestTTY no',
      '  ConnectTimeout 20',
    ];
    const mux = [`  ControlPath ${join(this.#home, `mux-${name}`)}`, '  ControlMaster no'];
    writeFileSync(
      sshConfig,
      ['Host carapace', ...common, '  ControlPath none', 'Host mux', ...common, ...mux, ''].join('\n'),
    );
    chmodSync(sshConfig, 0o600);
  }
}

/** One request as a netstring. */
export function frame(request: object): string {
  const json = JSON.stringify(request);
  return `${Buffer.byteLength(json)}:${json},`;
}

/** Waits until something is true, within a bound. */
export async function until(what: () => boolean | Promise<boolean>, ms = 5000, everyMs = 20): Promise<void> {
  const end = performance.now() + ms;
  while (!(await what())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Processes whose command line holds a text, each as `PID STATE COMMAND LINE`. What has ended and waits for its parent is none. */
export function processesWith(text: string): string[] {
  return processes().filter((line) => line.includes(text) && !/^\s*\d+\s+Z/.test(line));
}

/** From /proc where there is one: a machine need not have `ps`. */
function processes(): string[] {
  if (!existsSync('/proc/self/stat')) return execFileSync('ps', ['-eo', 'pid=,stat=,args=']).toString().split('\n');
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trimEnd();
      return [`${pid} ${stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '?'} ${args}`];
    } catch {
      return [];
    }
  });
}

/** Tools that only print: enough for most tests. */
export const TEST_POLICY = `
version: 1
tools:
  echo:
    type: cli
    binary: /bin/echo
    argv_allow_patterns: ["*", "-n *"]
  true:
    type: cli
    binary: /bin/true
    argv_allow_patterns: ["*"]
  cat:
    type: cli
    binary: /bin/cat
    argv_allow_patterns: [""]
    stdin: stream
`;
