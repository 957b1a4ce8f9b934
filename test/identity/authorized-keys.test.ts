import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { parseAuthorizedKeys } from '../../src/identity/authorized-keys.ts';

const KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIKapXQBee0TWThOo+S0FVG+zkDmgcO4J53ytOGFd9f6X';
const OTHER = 'AAAAC3NzaC1lZDI1NTE5AAAAIJg4F2bVqIWqgVxJjZR6g0eJx0y9e2sT8cJ0gqg1dY0a';
const COMMAND = 'command="carapace force --client claw --policy p"';
const LINE = `restrict,${COMMAND} ssh-ed25519 ${KEY} claw`;

const parse = (text: string, client = 'claw') => parseAuthorizedKeys('authorized_keys.d/claw', client, text);
const messages = (text: string, client?: string) =>
  parse(text, client).problems.map((p) => `${p.place.line}: ${p.message}`);

describe('a file of authorized_keys.d', () => {
  it('reads a line with all that it may say', () => {
    const text = `# laptop\n\n  restrict,command="/opt/bin/carapace force --dir /srv/c --client claw --policy p --policy q",from="10.0.0.0/8,!10.1.0.0/16,::1",expiry-time="20270101Z",no-pty ssh-ed25519 ${KEY} a comment\n`;
    const { keys, problems } = parse(text);
    expect(problems).toEqual([]);
    expect(keys).toMatchObject([
      {
        client: 'claw',
        policies: ['p', 'q'],
        directory: '/srv/c',
        expiresAt: Date.UTC(2027, 0, 1),
        comment: 'a comment',
        place: { file: 'authorized_keys.d/claw', line: 3, column: 1 },
      },
    ]);
    expect(keys[0]?.from).toHaveLength(3);
  });

  it('reads the least that a line must say', () => {
    expect(parse(LINE)).toMatchObject({
      problems: [],
      keys: [{ policies: ['p'], directory: null, from: null, expiresAt: null, comment: 'claw' }],
    });
  });

  it('takes the names of options in any case, as sshd does', () => {
    expect(parse(LINE.replace('restrict,', 'Restrict,NO-X11-forwarding,')).problems).toEqual([]);
  });

  it.each([
    ['no options', `ssh-ed25519 ${KEY} claw`, 'option restrict is missing, option command is missing'],
    ['no restrict', `${COMMAND} ssh-ed25519 ${KEY}`, 'option restrict is missing'],
    ['no command', `restrict ssh-ed25519 ${KEY}`, 'option command is missing'],
    [
      'an unknown option',
      `restrict,permitopen="a:1",${COMMAND} ssh-ed25519 ${KEY}`,
      "option 'permitopen' is not supported",
    ],
    ['an option that widens', `restrict,pty,${COMMAND} ssh-ed25519 ${KEY}`, "option 'pty' is not supported"],
    [
      'a no- option that widens',
      `restrict,no-touch-required,${COMMAND} ssh-ed25519 ${KEY}`,
      "option 'no-touch-required' is not supported",
    ],
    [
      'environment',
      `restrict,environment="A=b",${COMMAND} ssh-ed25519 ${KEY}`,
      "option 'environment' is not supported",
    ],
    [
      'a misspelled option',
      `restrct,${COMMAND} ssh-ed25519 ${KEY}`,
      "option 'restrct' is not supported (did you mean 'restrict'?)",
    ],
    ['an option twice', `restrict,restrict,${COMMAND} ssh-ed25519 ${KEY}`, "option 'restrict' stands twice"],
    ['two commands', `restrict,${COMMAND},${COMMAND} ssh-ed25519 ${KEY}`, "option 'command' stands twice"],
    ['a value for a flag', `restrict="yes",${COMMAND} ssh-ed25519 ${KEY}`, "option 'restrict' takes no value"],
    ['a flag for a value', `restrict,from,${COMMAND} ssh-ed25519 ${KEY}`, "option 'from' has no value"],
    ['a host name', `restrict,from="*.example.org",${COMMAND} ssh-ed25519 ${KEY}`, 'is no IP address or CIDR range'],
    [
      'a bad date',
      `restrict,expiry-time="20270231",${COMMAND} ssh-ed25519 ${KEY}`,
      "expiry-time: '20270231' is no time",
    ],
    ['an empty from', `restrict,from="",${COMMAND} ssh-ed25519 ${KEY}`, "from: '' is no IP address"],
    [
      'another client',
      LINE.replace('--client claw', '--client other'),
      "command says client 'other', the file's name says 'claw'",
    ],
    ['a second key on the line', `${LINE}\n${LINE}`, 'is on line 1 already'],
    [
      'a quotation mark that nobody closes',
      `restrict,command="carapace ssh-ed25519 ${KEY}`,
      'or its value in double quotes',
    ],
    [
      'an escaped closing quotation mark',
      `restrict,command="carapace\\" ssh-ed25519 ${KEY}`,
      'or its value in double quotes',
    ],
    ['a blank after the comma', `restrict, ${COMMAND} ssh-ed25519 ${KEY}`, 'expected an option or a key type'],
    ['a comma at the end', `restrict,${COMMAND}, ssh-ed25519 ${KEY}`, 'expected an option or a key type'],
    ['text after a value', `restrict,${COMMAND}x ssh-ed25519 ${KEY}`, "expected ',' or a blank"],
    ['no key', `restrict,${COMMAND} ssh-ed25519`, 'expected a key type and a key'],
    ['an RSA key', `restrict,${COMMAND} ssh-rsa AAAAB3NzaC1yc2E= x`, 'RSA keys are not in this version'],
    ['a control character', `${LINE}\u001b[2J`, 'line holds control characters'],
    ['a carriage return', `${LINE}\r`, 'line holds control characters'],
    ['a line without end', `# x\n${'a'.repeat(20_000)}`, 'line is longer than 16384 characters'],
  ])('refuses %s', (_, text, message) => {
    const found = messages(text);
    expect(found.join('\n')).toContain(message);
  });

  it.each([
    'carapace force --client claw --policy p; id',
    'carapace force --client claw --policy p --policy $(id)',
    'carapace force --client claw',
    'carapace  force --client claw --policy p',
    'carapace force --client claw --policy p ',
    ' carapace force --client claw --policy p',
    'carapace force --policy p --client claw',
    './carapace force --client claw --policy p',
    '/opt/notcarapace force --client claw --policy p',
    '/opt/a b/carapace force --client claw --policy p',
    'carapace force --dir relative --client claw --policy p',
    'carapace force --client claw --dir /x --policy p',
    'carapace force --client claw --policy p --dir /x',
    'carapace force --client claw --policy p --policy p',
    'carapace force --client claw --policy ../p',
    'carapace force --client claw --policy -p',
    'carapace serve --client claw --policy p',
    'carapace force --client Claw --policy p',
    'sh -c id',
    '',
  ])('refuses the forced command %j', (command) => {
    const { keys, problems } = parse(`restrict,command="${command}" ssh-ed25519 ${KEY}`);
    expect(keys).toEqual([]);
    expect(problems[0]?.message).toMatch(/^command/);
  });

  it('does not let a quotation mark or a comma in a value end it', () => {
    const text = `restrict,command="carapace force --client claw --policy p\\",from=\\"0.0.0.0/0" ssh-ed25519 ${KEY}`;
    expect(messages(text)).toEqual([expect.stringContaining('command: \'p",from="0.0.0.0/0\' is no policy name')]);
    expect(messages(`restrict,from="10.0.0.1\\",command=\\"x",${COMMAND} ssh-ed25519 ${KEY}`).join()).toContain(
      'is no IP address',
    );
  });

  it('reports the problems of all lines, and keeps the good ones for whoever looks for doubles', () => {
    const { keys, problems } = parse(`bad line here\n${LINE}\nrestrict ssh-rsa AAAA x\n`);
    expect(problems.map((p) => p.place.line)).toEqual([1, 1, 1, 3, 3]);
    expect(keys).toHaveLength(1);
  });

  it('takes two keys of a client with policies of their own', () => {
    const second = LINE.replace(KEY, OTHER).replace('--policy p', '--policy q');
    const { keys, problems } = parse(`${LINE}\n${second}`);
    expect(problems).toEqual([]);
    expect(keys.map((key) => key.policies)).toEqual([['p'], ['q']]);
  });

  it('never throws, and yields keys only of lines that hold both restrict and command', () => {
    const piece = fc.constantFrom(
      'restrict',
      'command=',
      '"',
      '\\"',
      ',',
      ' ',
      '\t',
      COMMAND,
      KEY,
      'ssh-ed25519',
      'from="::/0"',
      '\n',
      '#',
      '\\',
      '=',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (input) => {
        const { keys } = parse(input);
        for (const key of keys) {
          const line = input.split('\n')[key.place.line - 1] ?? '';
          expect(line).toContain('restrict');
          expect(line).toContain(COMMAND);
        }
      }),
    );
  });
});
