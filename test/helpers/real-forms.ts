/** A value as real programs write it: what redaction has to find, made without any of its code. */
import { execFile } from 'node:child_process';

/** A value in one form, as a program printed it. */
export interface RealForm {
  readonly name: string;
  readonly text: string;
  /** Characters at its beginning and end that are not the value's alone: base64 of other bytes beside it. */
  readonly before: number;
  readonly after: number;
}

interface Encoder {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** How the value gets there. Default: on stdin. */
  readonly by?: 'argument' | 'variable';
  /** Takes off what the program puts around it. Default: nothing but a newline at the end. */
  readonly inside?: (printed: string) => string;
  /** Bytes that were encoded with it. */
  readonly beside?: readonly [before: string, after: string];
}

const unquoted = (printed: string): string => printed.slice(1, -1);
/** What stands between the first `=` or blank with its quote, and the last quote. */
const assigned =
  (opening: string, closing: string) =>
  (printed: string): string =>
    printed.slice(printed.indexOf(opening) + opening.length, printed.lastIndexOf(closing));

const NEIGHBOURS = [
  ['a', ''],
  ['ab', ''],
  ['', 'z'],
  ['x', 'yz'],
  ['user:', ''],
] as const;

const ENCODERS: readonly Encoder[] = [
  { name: 'clear', program: 'cat', args: [] },
  { name: 'base64', program: 'base64', args: ['-w', '0'] },
  { name: 'base64, 20 a line', program: 'base64', args: ['-w', '20'] },
  { name: 'base64, 76 a line', program: 'base64', args: [] },
  { name: 'openssl base64', program: 'openssl', args: ['base64'] },
  { name: 'openssl base64 -A', program: 'openssl', args: ['base64', '-A'] },
  { name: 'base64url', program: 'basenc', args: ['--base64url', '-w', '0'] },
  { name: 'jq @base64', program: 'jq', args: ['-Rsj', '@base64'] },
  ...NEIGHBOURS.map(
    (beside): Encoder => ({
      name: `base64 in '${beside.join('.')}'`,
      program: 'base64',
      args: ['-w', '0'],
      beside,
    }),
  ),
  { name: 'base64url in a pair', program: 'basenc', args: ['--base64url', '-w', '0'], beside: ['user:', '.'] },
  { name: 'xxd -p', program: 'xxd', args: ['-p'] },
  { name: 'xxd -p, 8 a line', program: 'xxd', args: ['-p', '-c', '8'] },
  { name: 'xxd -u -p', program: 'xxd', args: ['-u', '-p'] },
  { name: 'hexdump', program: 'hexdump', args: ['-v', '-e', '/1 "%02x"'] },
  { name: 'basenc --base16', program: 'basenc', args: ['--base16', '-w', '0'] },
  { name: 'jq @uri', program: 'jq', args: ['-Rsj', '@uri'] },
  { name: 'jq .', program: 'jq', args: ['-Rsj', '.|tojson'], inside: unquoted },
  { name: 'jq in jq', program: 'jq', args: ['-Rsj', '.|tojson|tojson'], inside: (printed) => printed.slice(3, -3) },
  { name: 'jq -a', program: 'jq', args: ['-Rsa', '.'], inside: unquoted },
  { name: 'jq @sh', program: 'jq', args: ['-Rsj', '@sh'], inside: unquoted },
  {
    name: 'bash printf %q',
    program: 'bash',
    args: ['-c', 'printf %q "$1"', 'bash'],
    by: 'argument',
    inside: outOfAnsi,
  },
  { name: 'bash @Q', program: 'bash', args: ['-c', 'printf %s "${1@Q}"', 'bash'], by: 'argument', inside: outOfQuotes },
  { name: 'bash declare -p', program: 'bash', args: ['-c', 'declare -p V'], by: 'variable', inside: outOfDeclare },
  {
    name: 'bash set -x',
    program: 'bash',
    args: ['-c', 'exec 2>&1; set -x; : "$V"'],
    by: 'variable',
    inside: (printed) => outOfQuotes(printed.slice('+ : '.length)),
  },
  { name: 'sh export -p', program: 'dash', args: ['-c', 'export -p'], by: 'variable', inside: outOfExport },
  {
    name: 'coreutils printf %q',
    program: '/usr/bin/printf',
    args: ['%q'],
    by: 'argument',
    inside: (printed) => outOfQuotes(printed),
  },
];

/** A word in any of the quotes of a shell, without the outermost. */
function outOfQuotes(printed: string): string {
  if (printed.startsWith("$'") || printed.startsWith("''$'")) return outOfAnsi(printed);
  return printed.startsWith("'") || printed.startsWith('"') ? unquoted(printed) : printed;
}

function outOfAnsi(printed: string): string {
  return printed.startsWith("$'") ? printed.slice(2, -1) : printed;
}

function outOfDeclare(printed: string): string {
  return printed.includes("=$'") ? assigned("=$'", "'")(printed) : assigned('="', '"')(printed);
}

function outOfExport(printed: string): string {
  const line = printed.slice(printed.indexOf("export V='"));
  const next = line.indexOf("'\nexport ");
  return line.slice("export V='".length, next === -1 ? line.lastIndexOf("'") : next);
}

/** What Python makes of a value, all in one process, with what it puts around it. */
const PYTHON: readonly (readonly [expression: string, inside?: (printed: string) => string])[] = [
  ['json.dumps(v)', unquoted],
  ['json.dumps(v, ensure_ascii=False)', unquoted],
  ['urllib.parse.quote(v)'],
  ["urllib.parse.quote(v, safe='')"],
  ['urllib.parse.quote_plus(v)'],
  ['shlex.quote(v)', outOfQuotes],
  ['v.encode().hex()'],
  ['base64.encodebytes(v.encode()).decode()'],
];

/** Every form of a value that the programs of this machine print, each once; those of a missing program are left out. */
export async function realForms(value: string): Promise<RealForm[]> {
  const printed = await Promise.all([...ENCODERS.map((encoder) => formOf(encoder, value)), pythonForms(value)]);
  const forms = [...printed.flat(), ...ownForms(value)];
  return [...new Map(forms.toReversed().map((form) => [form.text, form])).values()].toReversed();
}

async function formOf(encoder: Encoder, value: string): Promise<RealForm[]> {
  const { name, inside = (printed: string) => printed, beside = ['', ''] } = encoder;
  const [before, after] = beside;
  const printed = await runEncoder(encoder, before + value + after);
  if (printed === undefined) return [];
  const text = inside(printed.replace(/\n+$/, ''));
  if (before + after === '') return [{ name, text, before: 0, after: 0 }];
  const ends = { from: Buffer.byteLength(before), to: Buffer.byteLength(before + value) };
  return [{ name, text, before: Math.ceil((ends.from * 8) / 6), after: text.length - Math.floor((ends.to * 8) / 6) }];
}

async function pythonForms(value: string): Promise<RealForm[]> {
  const program =
    "import base64, json, os, shlex, sys, urllib.parse; v = os.environ['V']; " +
    `print('\\x1e'.join([${PYTHON.map(([expression]) => expression).join(', ')}]))`;
  const printed = await runEncoder(
    { name: 'python', program: 'python3', args: ['-c', program], by: 'variable' },
    value,
  );
  return (printed?.split('\x1e') ?? []).map((text, index) => {
    const [name = '', inside = (whole: string) => whole] = PYTHON[index] ?? [];
    return { name, text: inside(text.replace(/\n+$/, '')), before: 0, after: 0 };
  });
}

/** What this process makes of it. */
function ownForms(v: string): RealForm[] {
  return [encodeURIComponent(v), new URLSearchParams({ v }).toString().slice(2), JSON.stringify(v).slice(1, -1)].map(
    (text, index) => ({ name: `JavaScript ${index}`, text, before: 0, after: 0 }),
  );
}

function runEncoder({ program, args, by }: Encoder, value: string): Promise<string | undefined> {
  const env = { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', ...(by === 'variable' ? { V: value } : {}) };
  return new Promise((resolve, reject) => {
    const child = execFile(program, by === 'argument' ? [...args, value] : args, { env }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else if (error.code === 'ENOENT') resolve(undefined);
      else reject(error);
    });
    child.stdin?.on('error', () => undefined).end(by === undefined ? value : '');
  });
}
