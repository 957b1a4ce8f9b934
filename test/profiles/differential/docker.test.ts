/** Docker's client, by what it asks of the engine: the engine here is a server that answers each request with itself. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type { ReadCall } from '../../../src/policy/profile/read-call.ts';
import { argumentLists } from './lists.ts';
import {
  compare,
  expectAgreement,
  inDirectory,
  inOrder,
  isInstalled,
  operandsOf,
  type Run,
  runEach,
  type Seen,
  shippedProfile,
} from './real-tool.ts';

function valuesOf({ options }: ReadCall, name: string): string[] {
  return options.flatMap(({ spec, values }) => (spec.names.includes(name) ? values : []));
}

function isOn({ options }: ReadCall, name: string): boolean {
  return options.findLast(({ spec }) => spec.names.includes(name))?.on ?? false;
}

/** The parts of a container that are compared, in the words of the engine. */
interface Container {
  readonly Image: string;
  readonly Cmd: readonly string[] | null;
  readonly Env: readonly string[] | null;
  readonly Labels: Readonly<Record<string, string>>;
  readonly WorkingDir: string;
  readonly User: string;
  readonly Tty: boolean;
  readonly OpenStdin: boolean;
}

/** Refuses to make any container, and tells which one was asked for. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => (body += text));
  request.on('end', () => {
    response.setHeader('Api-Version', '1.41').setHeader('Content-Type', 'application/json');
    if (request.url?.endsWith('/_ping') === true) response.end('OK');
    else response.writeHead(500).end(JSON.stringify({ message: `asked <${Buffer.from(body).toString('base64')}>` }));
  });
}

function seenByDocker({ stderr }: Run): Seen {
  const [, encoded] = /asked <([A-Za-z0-9+/=]+)>/.exec(stderr) ?? [];
  if (encoded === undefined) return { refused: stderr.slice(0, 200) };
  const asked = JSON.parse(Buffer.from(encoded, 'base64').toString()) as Container;
  const { Image, Cmd, Env, Labels, WorkingDir, User, Tty, OpenStdin } = asked;
  return {
    shown: [Image, Cmd ?? [], Env ?? [], inOrder(Object.entries(Labels).map(String)), WorkingDir, User, Tty, OpenStdin],
  };
}

function containerOf(call: ReadCall): unknown {
  const [image, ...command] = operandsOf(call);
  const labels = new Map(
    valuesOf(call, '--label').map((label): [string, string] => {
      const at = label.indexOf('=');
      return at === -1 ? [label, ''] : [label.slice(0, at), label.slice(at + 1)];
    }),
  );
  return [
    image,
    command,
    valuesOf(call, '--env'),
    inOrder([...labels].map(String)),
    valuesOf(call, '--workdir').at(-1) ?? '',
    valuesOf(call, '--user').at(-1) ?? '',
    isOn(call, '--tty'),
    isOn(call, '--interactive'),
  ];
}

describe.skipIf(!isInstalled('docker', '--version'))('docker', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('docker');
    const lists = argumentLists(profile, {
      command: 'create',
      only: ['--env', '--label', '--workdir', '--user', '--tty', '--interactive', '--rm', '--read-only'],
      valuesOf: () => ['v%=x', 'v%=x', 'v%=-x', '-x=y', '--=', 'create=', 'v%=='],
      words: ['w%', 'w%', 'w%', 'w%', '--', '-x', '-e', 'create'],
      first: [
        'create',
        'create',
        '-D create',
        '-l info create',
        '-Dl=info container create',
        '--debug=false create',
        '-e x create',
        '-- create',
      ],
      longest: 5,
      count: 70,
    });
    const runs = await inDirectory(async (cwd) => {
      const socket = join(cwd, 'engine');
      const engine = createServer(answer);
      await new Promise<void>((resolve) => engine.listen(socket, resolve));
      try {
        return await runEach(['docker'], lists, { cwd, env: { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: cwd } });
      } finally {
        engine.close();
      }
    });
    expectAgreement(compare(profile, lists, runs.map(seenByDocker), containerOf), {
      agreed: 15,
      stricter: /subcommand 'create' is not known/,
      looser: /invalid reference|requires at least|invalid argument|bad format|invalid environment/,
    });
  });
});
