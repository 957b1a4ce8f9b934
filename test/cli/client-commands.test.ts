import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientAddOptions } from '../../src/cli/client-add.ts';
import { run as add } from '../../src/cli/client-add.ts';
import { readClientFile, writeClientFile } from '../../src/cli/client-file.ts';
import { readOfferedKey } from '../../src/cli/client-key.ts';
import { run as list } from '../../src/cli/client-list.ts';
import { run as revoke } from '../../src/cli/client-revoke.ts';
import { run as set } from '../../src/cli/client-set.ts';
import { run as show } from '../../src/cli/client-show.ts';
import { resolveDirectory } from '../../src/cli/directory.ts';
import { readSnapshot } from '../../src/engine/store.ts';
import { formatProblem } from '../../src/model/problem.ts';
import type { GatewayDirectory } from '../fixtures/gateway-directory.ts';
import { keyLine, makeGatewayDirectory, policyOf, someKey } from '../fixtures/gateway-directory.ts';

const hasSsh = spawnSync('ssh-keygen', ['-?']).error === undefined;

describe('the client commands', () => {
  let directory: GatewayDirectory;
  let out: string;
  let err: string;

  beforeEach(() => {
    directory = makeGatewayDirectory();
    directory.writePolicy('p', policyOf('alpha'));
    directory.writePolicy('q', policyOf('beta'));
    out = '';
    err = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    directory.remove();
  });

  const path = (name: string) => join(directory.path, name);
  const keysOf = (client: string) => readFileSync(join(directory.keysDirectory, client), 'utf8');
  const writeKey = (key: string, name = 'key.pub'): string => {
    writeFileSync(path(name), `${key}\n`);
    return path(name);
  };
  const addKey = (key: string, options: Partial<ClientAddOptions> = {}): Promise<number> =>
    add({ name: 'claw', dir: directory.path, policy: ['p'], key: writeKey(key), host: 'gw.example', ...options });
  const problems = () => readSnapshot(directory).problems.map(formatProblem);
  const json = (): unknown => JSON.parse(out);

  it('write a line that the gateway takes, and tell the rest', async () => {
    const key = `${someKey(1)} claw@vm`;
    expect(await addKey(key, { policy: ['p', 'q'], from: '10.0.0.0/8,!10.0.0.9', expires: '2099-12-31' })).toBe(0);
    expect(keysOf('claw')).toBe(
      `restrict,command="carapace force --dir ${directory.path} --client claw --policy p --policy q",from="10.0.0.0/8,!10.0.0.9",expiry-time="20991231" ${key}\n`,
    );
    expect(problems()).toEqual([]);
    expect(statSync(join(directory.keysDirectory, 'claw')).mode & 0o777).toBe(0o644);
    expect(readdirSync(directory.keysDirectory)).toEqual(['claw']);
    const hostKey = readFileSync(path('state/host_key.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    expect(out).toContain(`\ncarapace ${hostKey}\n`);
    expect(out).toContain('\nHost carapace\n  HostName gw.example\n  Port 2222\n');
    expect(err).toBe('');
  });

  it('make the directory of keys where there is none', async () => {
    const { keysDirectory } = directory;
    const { rmdirSync } = await import('node:fs');
    rmdirSync(keysDirectory);
    await addKey(someKey(1));
    expect(problems()).toEqual([]);
  });

  it('add a line to a known client and keep what a person wrote', async () => {
    const before = `# laptop, until May\n\n${keyLine('claw', someKey(1)).trimEnd()}`;
    directory.writeKeys('claw', before);
    await addKey(someKey(2), { policy: ['q'] });
    expect(keysOf('claw')).toMatch(new RegExp(`^# laptop, until May\n\nrestrict.*\nrestrict.*--policy q".*\n$`));
    expect(keysOf('claw').startsWith(`${before}\n`)).toBe(true);
    expect(readSnapshot(directory).clients.get('claw')).toHaveLength(2);
  });

  it('refuse a key that is there already, and name where', async () => {
    await addKey(someKey(1));
    await expect(addKey(someKey(1))).rejects.toMatchObject({
      code: 'key-exists',
      message: 'key: is in authorized_keys.d/claw:1 already',
    });
    await expect(addKey(someKey(1), { name: 'other' })).rejects.toMatchObject({ code: 'key-exists' });
    directory.writeKeys('claw', `nonsense\n${keyLine('claw', someKey(1))}`);
    await expect(addKey(someKey(1), { name: 'other' })).rejects.toThrow('authorized_keys.d/claw:2');
    expect(existsSync(join(directory.keysDirectory, 'other'))).toBe(false);
  });

  it('refuse to touch a file that is broken', async () => {
    directory.writeKeys('claw', 'nonsense\n');
    await expect(addKey(someKey(1))).rejects.toThrow('authorized_keys.d/claw:1:9: expected a key type and a key');
    await expect(set({ name: 'claw', dir: directory.path, policy: ['q'] })).rejects.toMatchObject({
      code: 'configuration',
    });
    expect(keysOf('claw')).toBe('nonsense\n');
  });

  it.each<[string, Partial<ClientAddOptions>, RegExp]>([
    ['a name that no client can have', { name: 'Claw' }, /client: 'Claw' is no name/],
    ['a name of a file that is put aside', { name: 'claw.bak' }, /is no name/],
    ['a name that leaves the directory', { name: '../claw' }, /is no name/],
    ['no policy', { policy: [] }, /no policy is given/],
    ['an unknown policy', { policy: ['pp'] }, /--policy: 'pp' does not exist \(did you mean 'p'\?\)/],
    ['a policy by its path', { policy: ['../policies/p'] }, /does not exist/],
    ['a policy twice', { policy: ['p', 'p'] }, /stands twice/],
    ['a host name to come from', { from: 'vm.example' }, /--from: 'vm.example' is no IP address/],
    ['a quotation mark', { from: '10.0.0.1",command="x' }, /is no IP address/],
    ['no date', { expires: 'tomorrow' }, /--expires: 'tomorrow' is no time/],
    ['a past date', { expires: '20200101' }, /is past/],
    ['a bad address', { host: 'a b' }, /--host: 'a b' is no host name/],
    ['a bad port', { port: '70000' }, /--port: '70000' is no port/],
  ])('write nothing for %s', async (_, options, message) => {
    await expect(addKey(someKey(1), options)).rejects.toThrow(message);
    expect(readdirSync(directory.keysDirectory)).toEqual([]);
  });

  it('refuse policies that define the same tool', async () => {
    directory.writePolicy('q', policyOf('alpha'));
    await expect(addKey(someKey(1), { policy: ['p', 'q'] })).rejects.toThrow(
      /p and q cannot stand together: tools\.alpha/,
    );
  });

  it('want exactly one source of a key', async () => {
    const options = { name: 'claw', dir: directory.path, policy: ['p'], host: 'gw' };
    await expect(add(options)).rejects.toThrow('expected one of --key and --new-key');
    await expect(add({ ...options, key: 'a', newKey: 'b' })).rejects.toThrow('expected one of --key and --new-key');
  });

  it('refuse a directory whose path no forced command can carry', async () => {
    const odd = path('a directory');
    mkdirSync(join(odd, 'policies'), { recursive: true });
    chmodSync(join(odd, 'policies'), 0o755);
    writeFileSync(join(odd, 'policies/p.yaml'), policyOf('alpha'));
    await expect(addKey(someKey(1), { dir: odd })).rejects.toMatchObject({ code: 'configuration' });
  });

  it.each([
    [
      'a private key',
      '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----',
      'is a private key',
    ],
    ['a PEM private key', '-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n', 'is a private key'],
    ['a PuTTY private key', 'PuTTY-User-Key-File-3: ssh-ed25519\nc2VjcmV0\n', 'is a private key'],
    ['an RFC 4716 key', '---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n', 'is in the format of RFC 4716'],
    ['two keys', `${someKey(1)}\n${someKey(2)}`, 'holds 2 lines, expected one key'],
    ['nothing', '# nothing\n', 'holds no key'],
    ['options', `restrict ${someKey(1)}`, 'has options before the key'],
    ['a certificate', `ssh-ed25519-cert-v01@openssh.com AAAA`, 'are not in this version'],
    ['a security key', `sk-ssh-ed25519@openssh.com AAAA`, 'are not in this version'],
    ['rubbish', 'c2VjcmV0', 'is no public key'],
    ['a large file', 'c2VjcmV0'.repeat(20_000), 'too large for a public key'],
  ])('refuse %s as a key, without repeating it', async (_, text, message) => {
    const error: unknown = await addKey(text).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'bad-data', message: expect.stringContaining(message) });
    expect(JSON.stringify(error) + String(error)).not.toContain('c2VjcmV0');
  });

  it('read a key from standard input', async () => {
    const offered = await readOfferedKey('-', Readable.from([Buffer.from(`${someKey(1)} c`), Buffer.from('law\r\n')]));
    expect(offered.comment).toBe('claw');
  });

  it('replace a comment that could surprise', async () => {
    await addKey(`${someKey(1)} a\u001b[2Jb`);
    expect(
      keysOf('claw')
        .trimEnd()
        .endsWith(`${someKey(1)} claw`),
    ).toBe(true);
  });

  it.runIf(hasSsh)('take what ssh-keygen makes, and refuse RSA with the reason', async () => {
    for (const [type, bits] of [
      ['ed25519', '256'],
      ['ecdsa', '256'],
      ['ecdsa', '384'],
      ['ecdsa', '521'],
    ] as const) {
      const file = path(`${type}-${bits}`);
      spawnSync('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-C', 'x', '-f', file]);
      expect(await add({ name: 'claw', dir: directory.path, policy: ['p'], key: `${file}.pub`, host: 'gw' })).toBe(0);
      await expect(add({ name: 'claw', dir: directory.path, policy: ['p'], key: file, host: 'gw' })).rejects.toThrow(
        'is a private key',
      );
    }
    expect(readSnapshot(directory).clients.get('claw')).toHaveLength(4);
    await expect(
      add({ name: 'claw', dir: directory.path, policy: ['p'], key: 'ssh-ed25519 AAAA', host: 'gw' }),
    ).rejects.toMatchObject({
      message: "'ssh-ed25519 AAAA': does not exist",
      hint: expect.stringContaining('standard input'),
    });
    spawnSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', path('rsa')]);
    await expect(
      add({ name: 'claw', dir: directory.path, policy: ['p'], key: path('rsa.pub'), host: 'gw' }),
    ).rejects.toThrow('RSA keys are not in this version');
  });

  it.runIf(hasSsh)('make a key pair, and never write over one', async () => {
    const options = { name: 'claw', dir: directory.path, policy: ['p'], newKey: path('id'), host: 'gw' };
    await add(options);
    expect(statSync(path('id')).mode & 0o777).toBe(0o600);
    expect(keysOf('claw')).toContain(readFileSync(path('id.pub'), 'utf8').trim());
    const made = readFileSync(path('id'), 'utf8');
    await expect(add({ ...options, name: 'other' })).rejects.toThrow(/--new-key: '.*id' exists already/);
    expect(readFileSync(path('id'), 'utf8')).toBe(made);
    writeFileSync(path('half.pub'), '');
    await expect(add({ ...options, name: 'other', newKey: path('half') })).rejects.toThrow('exists already');
  });

  it('change the terms of all keys and nothing else', async () => {
    directory.writeKeys(
      'claw',
      `# first\n${keyLine('claw', someKey(1), 'p', ',no-pty')}# second\n${keyLine('claw', someKey(2), 'p', ',from="10.0.0.1"')}`,
    );
    await set({
      name: 'claw',
      dir: directory.path,
      policy: ['q'],
      from: '192.168.0.0/16',
      expires: '2099-01-01T12:30Z',
    });
    expect(keysOf('claw').split('\n')).toEqual([
      '# first',
      `restrict,command="carapace force --client claw --policy q",no-pty,from="192.168.0.0/16",expiry-time="209901011230Z" ${someKey(1)} claw`,
      '# second',
      `restrict,command="carapace force --client claw --policy q",from="192.168.0.0/16",expiry-time="209901011230Z" ${someKey(2)} claw`,
      '',
    ]);
    await set({ name: 'claw', dir: directory.path, from: '', expires: 'never' });
    expect(keysOf('claw')).not.toMatch(/from|expiry/);
    expect(problems()).toEqual([]);
    await expect(set({ name: 'claw', dir: directory.path })).rejects.toMatchObject({ code: 'usage' });
    await expect(set({ name: 'clav', dir: directory.path, from: '' })).rejects.toThrow(
      "client: 'clav' does not exist (did you mean 'claw'?)",
    );
  });

  it('list clients, the broken ones too', async () => {
    directory.writeKeys(
      'claw',
      keyLine('claw', someKey(1)) + keyLine('claw', someKey(2), 'q', ',from="10.0.0.1",expiry-time="20200101Z"'),
    );
    directory.writeKeys('bad', 'nonsense\n');
    expect(await list({ dir: directory.path })).toBe(0);
    expect(out).toMatch(
      /^CLIENT +POLICIES +FROM +EXPIRES +KEY\nbad +- +- +- +none that is usable\nclaw +p +any +never +SHA256:\S+ claw\nclaw +q +10\.0\.0\.1 +2020-01-01T00:00:00Z \(expired\) +SHA256:\S+ claw\n$/,
    );
    expect(err).toContain('warning: authorized_keys.d/bad:1:9: ');
    out = '';
    await list({ dir: directory.path, json: true });
    expect(json()).toMatchObject({
      clients: [
        { name: 'bad', keys: [], problems: [expect.stringContaining('authorized_keys.d/bad:1:9')] },
        {
          name: 'claw',
          keys: [
            { policies: ['p'], from: null, expires: null },
            { from: ['10.0.0.1'], expired: true },
          ],
        },
      ],
    });
  });

  it('show a client with its tools', async () => {
    directory.writeKeys('claw', keyLine('claw', someKey(1), 'p --policy q'));
    expect(await show({ name: 'claw', dir: directory.path })).toBe(0);
    expect(out).toMatch(/^claw: SHA256:\S+ \(ssh-ed25519\): p, q\n  tools: alpha, beta\n$/);
    out = '';
    await show({ name: 'claw', dir: directory.path, json: true });
    expect(json()).toMatchObject({ client: 'claw', keys: [{ tools: ['alpha', 'beta'], type: 'ssh-ed25519' }] });
    directory.writeKeys('claw', 'nonsense');
    expect(await show({ name: 'claw', dir: directory.path })).toBe(1);
    await expect(show({ name: 'nobody', dir: directory.path })).rejects.toMatchObject({ code: 'no-such-client' });
  });

  it.runIf(hasSsh)('print an ssh_config that ssh understands', async () => {
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    await show({ name: 'claw', dir: directory.path, sshConfig: true, json: true, host: 'fd00::1', port: '2200' });
    const { sshConfig, knownHosts } = json() as { sshConfig: string; knownHosts: string };
    writeFileSync(path('ssh_config'), sshConfig);
    const effective = spawnSync('ssh', ['-G', '-F', path('ssh_config'), 'carapace'], { encoding: 'utf8' });
    expect(effective.stderr).toBe('');
    const wanted = [
      'hostname fd00::1',
      'port 2200',
      'user carapace',
      'batchmode yes',
      'stricthostkeychecking true',
      'hostkeyalias carapace',
    ];
    for (const line of wanted) expect(effective.stdout.split('\n')).toContain(line);
    writeFileSync(path('known_hosts'), knownHosts);
    const found = spawnSync('ssh-keygen', ['-F', 'carapace', '-l', '-f', path('known_hosts')], { encoding: 'utf8' });
    expect(found.stdout).toContain(
      spawnSync('ssh-keygen', ['-l', '-f', path('state/host_key')], { encoding: 'utf8' }).stdout.split(' ')[1],
    );
  });

  it('take the address from carapace.yaml, and warn where no other machine can use it', async () => {
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    writeFileSync(path('carapace.yaml'), 'listen: ["unix:/run/x.sock", "192.0.2.7:2022", "127.0.0.1:22"]\n');
    await show({ name: 'claw', dir: directory.path, sshConfig: true });
    expect(out).toContain('  HostName 192.0.2.7\n  Port 2022\n');
    expect(err).toBe('');
    writeFileSync(path('carapace.yaml'), '');
    await show({ name: 'claw', dir: directory.path, sshConfig: true });
    expect(err).toContain('warning: address: the gateway listens on loopback');
  });

  it('name this host where the gateway listens on all its addresses, and ask for a port that is not known', async () => {
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    writeFileSync(path('carapace.yaml'), 'listen: ["0.0.0.0:2022"]\n');
    await show({ name: 'claw', dir: directory.path, sshConfig: true });
    expect(out).toContain(`  HostName ${hostname()}\n  Port 2022\n`);
    expect(err).toContain("is this host's name on the client's machine is not known here");
    err = '';
    writeFileSync(path('carapace.yaml'), 'listen: ["192.0.2.7:0"]\n');
    await show({ name: 'claw', dir: directory.path, sshConfig: true });
    expect(err).toContain('takes a free port at each start; give --port');
  });

  it('take back nothing that somebody else wrote meanwhile', async () => {
    const before = keyLine('claw', someKey(1));
    directory.writeKeys('claw', before);
    const read = readClientFile(resolveDirectory(directory.path), 'claw');
    directory.writeKeys('claw', `# mine\n${before}`);
    expect(() => writeClientFile(resolveDirectory(directory.path), read, before)).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
    const none = readClientFile(resolveDirectory(directory.path), 'other');
    directory.writeKeys('other', keyLine('other', someKey(2)));
    expect(() => writeClientFile(resolveDirectory(directory.path), none, keyLine('other', someKey(3)))).toThrow(
      /changed by somebody else/,
    );
    expect(keysOf('claw')).toBe(`# mine\n${before}`);
  });

  it('write no line that the gateway would refuse', () => {
    const file = readClientFile(resolveDirectory(directory.path), 'claw');
    expect(() => writeClientFile(resolveDirectory(directory.path), file, 'nonsense')).toThrow(/claw:1:9/);
    expect(readdirSync(directory.keysDirectory)).toEqual([]);
  });

  it('refuse a directory of keys that others may write to', async () => {
    chmodSync(directory.keysDirectory, 0o777);
    await expect(addKey(someKey(1))).rejects.toThrow('others may write to it');
  });

  it('say that policies are broken, and add the key all the same', async () => {
    directory.writePolicy('q', 'tools: 5\n');
    expect(await addKey(someKey(1))).toBe(0);
    expect(err).toContain('warning: policies/q.yaml:1:');
  });

  it('answer programs', async () => {
    await addKey(someKey(1), { json: true });
    expect(json()).toMatchObject({
      client: 'claw',
      key: { policies: ['p'], place: 'authorized_keys.d/claw:1' },
      host: 'gw.example',
      port: 2222,
      doubt: null,
    });
    out = '';
    await set({ name: 'claw', dir: directory.path, policy: ['q'], json: true });
    expect(json()).toMatchObject({ client: 'claw', keys: [{ policies: ['q'] }] });
    out = '';
    await revoke({ name: 'claw', dir: directory.path, json: true });
    expect(json()).toMatchObject({ client: 'claw', revoked: [{ policies: ['q'] }] });
    out = '';
    await list({ dir: directory.path });
    expect(out).toBe('no clients; carapace client add makes one\n');
  });

  it('keep the control socket’s path short, whatever the client is called', async () => {
    const name = 'a'.repeat(64);
    directory.writeKeys(name, keyLine(name, someKey(1)));
    await show({ name, dir: directory.path, sshConfig: true });
    const control = /ControlPath ~\/(\S+)/.exec(out)?.[1] ?? '';
    expect('/home/somebody-with-a-long-name/'.length + control.length + 17).toBeLessThan(104);
  });

  it('revoke a client, good or broken', async () => {
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    directory.writeKeys('bad', 'nonsense');
    await revoke({ name: 'claw', dir: directory.path });
    expect(out).toMatch(/^claw: revoked SHA256:\S+ \(ssh-ed25519\)\n.*within a second\n$/);
    await revoke({ name: 'bad', dir: directory.path });
    expect(readdirSync(directory.keysDirectory)).toEqual([]);
    await expect(revoke({ name: 'claw', dir: directory.path })).rejects.toMatchObject({ code: 'no-such-client' });
    await expect(revoke({ name: '../policies/p.yaml', dir: directory.path })).rejects.toMatchObject({ code: 'usage' });
  });
});
