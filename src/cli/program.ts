/**
 * The command line: every command with its options, each implemented in a file of its own that is loaded only when it is
 * called. What commander finds wrong ends with 64, as sysexits(3) has it.
 */
import { Command, CommanderError } from 'commander';
import { type Act, collect, type CommandModule, DIR, JSON_OPTION } from './command.ts';
import { addPolicy } from './policy-commands.ts';
import { EXIT, print, reportError, reportThrown } from './report.ts';
import { addSecret } from './secret-commands.ts';
import { formatVersion, readVersion } from './version.ts';

/** Runs one command line, without the program's name; resolves with the exit status. Never rejects. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let status: number = EXIT.ok;
  // Commander drops a leading `--`; behind that of `policy explain` are a tool's words, which are taken as they are.
  const end = argv[0] === 'policy' && argv[1] === 'explain' ? argv.indexOf('--') : -1;
  const toolWords = end === -1 ? [] : argv.slice(end + 1);
  const own = end === -1 ? argv : argv.slice(0, end);
  const act =
    <Options>(load: () => Promise<CommandModule<Options>>) =>
    async (options: Options): Promise<void> => {
      status = await (await load()).run(options);
    };
  try {
    await program(act, toolWords).parseAsync([...own], { from: 'user' });
    return status;
  } catch (thrown) {
    return thrown instanceof CommanderError ? usageStatus(thrown) : reportThrown(thrown);
  }
}

function program(act: Act, toolWords: readonly string[]): Command {
  const root = new Command('carapace');
  root
    .description('SSH-native capability gateway: untrusted machines call tools on this host, under policy')
    .version(formatVersion(readVersion()), '--version', 'print the version and the commit')
    .helpOption('-h, --help', 'print help')
    .exitOverride()
    .configureOutput({ writeErr: writeUsageError, writeOut: (text) => print(text.trimEnd()) })
    .showSuggestionAfterError();
  addServe(root, act);
  addClient(root, act);
  addPolicy(root, act, toolWords);
  addSecret(root, act);
  addConfig(root, act);
  addOperation(root, act);
  return root;
}

function addServe(root: Command, act: Act): void {
  root
    .command('serve')
    .description('run the gateway until SIGTERM; SIGHUP reads keys and policies again')
    .option(...DIR)
    .option(
      '--listen <address>',
      "HOST:PORT, [IPV6]:PORT or unix:/path; repeatable; in place of carapace.yaml's",
      collect,
    )
    .action(act(() => import('./serve.ts')));
}

function addClient(root: Command, act: Act): void {
  const client = root.command('client').description('who may call: keys in authorized_keys.d/');
  const named = (name: string, description: string): Command =>
    client
      .command(name)
      .argument('<name>', "the client's name")
      .description(description)
      .option(...DIR)
      .option(...JSON_OPTION);
  const actNamed =
    <Options>(load: () => Promise<CommandModule<Options & { name: string }>>) =>
    (name: string, options: Options): Promise<void> =>
      act(load)({ ...options, name });

  named('add', 'let a key in, under one or more policies')
    .option('--policy <name>', 'a policy in policies/; repeatable', collect)
    .option('--key <file>', 'its public key; - for standard input')
    .option('--new-key <file>', 'make a key pair in this file')
    .option('--from <addresses>', 'only from these addresses and networks, separated by commas')
    .option('--expires <date>', 'until YYYYMMDD[HHMM[SS]][Z]')
    .option('--host <host>', "the gateway's address as the client reaches it")
    .option('--port <port>', 'and its port (default: the one in carapace.yaml, else 2222)')
    .action(actNamed(() => import('./client-add.ts')));
  named('set', 'change what all keys of a client may do')
    .option('--policy <name>', 'its policies from now on; repeatable', collect)
    .option('--from <addresses>', 'only from these; empty for anywhere')
    .option('--expires <date>', 'until then; empty for always')
    .action(actNamed(() => import('./client-set.ts')));
  named('show', 'one client with its keys')
    .option('--ssh-config', 'print what its machine needs: ssh_config and known_hosts')
    .option('--host <host>', "the gateway's address as the client reaches it")
    .option('--port <port>', 'and its port (default: the one in carapace.yaml, else 2222)')
    .action(actNamed(() => import('./client-show.ts')));
  named('revoke', 'take all keys of a client away').action(actNamed(() => import('./client-revoke.ts')));
  client
    .command('list')
    .description('all clients')
    .option(...DIR)
    .option(...JSON_OPTION)
    .action(act(() => import('./client-list.ts')));
}

function addConfig(root: Command, act: Act): void {
  root
    .command('config')
    .description("the gateway's own configuration: carapace.yaml")
    .command('check')
    .description('say what is wrong in carapace.yaml, or print what is in force')
    .option(...DIR)
    .option(...JSON_OPTION)
    .action(act(() => import('./config-check.ts')));
}

function addOperation(root: Command, act: Act): void {
  root
    .command('audit')
    .description('read the audit log, newest records last')
    .option('--tool <name>', 'only this tool')
    .option('--client <name>', 'only this client')
    .option('--result <verdict>', 'only allow, or only deny')
    .option('--request <id>', 'only this request')
    .option('--since <when>', 'only since: 30s, 5m, 2h, 1d or an RFC 3339 time')
    .option('--limit <n>', 'at most the newest n (default 50)')
    .option('--follow', 'go on with what is written from now on')
    .option(...DIR)
    .option(...JSON_OPTION)
    .action(act(() => import('./audit.ts')));
  const asks = (name: string, description: string): Command =>
    root
      .command(name)
      .description(description)
      .option(...DIR)
      .option(...JSON_OPTION);
  asks('status', 'what the running gateway is, and how it does').action(act(() => import('./status.ts')));
  asks('health', 'whether the running gateway can serve; 0 if so').action(act(() => import('./health.ts')));
  asks('doctor', 'whether this host is set up safely, and what to do about what is not').action(
    act(() => import('./doctor.ts')),
  );
  asks('connections', 'who is connected, and what runs for them')
    .option('--watch <secs>', 'print again every so many seconds')
    .action(act(() => import('./connections.ts')));
}

/** Commander's own errors, in our form. It has printed them by now; help and version are no errors. */
function usageStatus(error: CommanderError): number {
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}

/** Commander writes `error: text` and, without a command, the whole help. */
function writeUsageError(text: string): void {
  const [first = '', ...rest] = text.trimEnd().split('\n');
  if (!first.startsWith('error: ')) return void process.stderr.write(text);
  const suggestion = rest
    .join(' ')
    .trim()
    .replace(/^\(|\)$/g, '');
  reportError(
    first.slice('error: '.length),
    suggestion === ''
      ? 'carapace --help lists the commands, carapace COMMAND --help the options of one'
      : suggestion.toLowerCase(),
  );
}
