/**
 * Everything that the command line prints, but for the answers themselves.
 *
 * Messages go to stderr as `carapace: error: subject: what is wrong` and then `carapace: hint: what to do`: lower case,
 * no full stop, present tense, subject first, expected and actual. Untrusted text passes through `visible()` before it
 * comes here. Answers go to stdout, as text for people or, with `--json`, as JSON for programs.
 */
import { CarapaceError, errnoOf, messageOf } from '../model/error.ts';
import { visible } from '../model/visible.ts';

/** Exit statuses of the operator's commands: sysexits(3) where one fits. */
export const EXIT = {
  ok: 0,
  no: 1,
  usage: 64,
  badData: 65,
  unavailable: 69,
  software: 70,
  ioError: 74,
  configuration: 78,
} as const;

/** Prints an error and its hint to stderr. */
export function reportError(message: string, hint?: string): void {
  process.stderr.write(`${paint('red', 'carapace: error:')} ${message}\n`);
  if (hint !== undefined) process.stderr.write(`carapace: hint: ${hint}\n`);
}

/** Prints a warning and its hint to stderr. */
export function reportWarning(message: string, hint?: string): void {
  process.stderr.write(`${paint('yellow', 'carapace: warning:')} ${message}\n`);
  if (hint !== undefined) process.stderr.write(`carapace: hint: ${hint}\n`);
}

/**
 * Prints whatever was thrown and returns the exit status: a `CarapaceError` with its hint, a failed system call as what the
 * system said, anything else as a defect of ours.
 */
export function reportThrown(thrown: unknown): number {
  // An errno has no underscore; the codes of Node's own errors (ERR_INVALID_ARG_TYPE) have, and those are defects.
  if (!(thrown instanceof CarapaceError) && /^E[A-Z0-9]+$/.test(errnoOf(thrown) ?? '')) {
    reportError(`system: ${visible(messageOf(thrown), 4096)}`, 'look at owner, mode and free space of that path');
    return EXIT.ioError;
  }
  if (!(thrown instanceof CarapaceError)) {
    reportError(
      `internal: ${messageOf(thrown)}`,
      'this is a defect in carapace; run with NODE_DEBUG=carapace for its stack',
    );
    if (process.env['NODE_DEBUG']?.includes('carapace') === true && thrown instanceof Error) {
      process.stderr.write(`${thrown.stack ?? ''}\n`);
    }
    return EXIT.software;
  }
  reportError(thrown.message, thrown.hint);
  return STATUS_BY_CODE[thrown.code] ?? EXIT.no;
}

/** Exit statuses of the error codes that do not simply mean "no". */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  usage: EXIT.usage,
  'bad-data': EXIT.badData,
  'secret-unreadable': EXIT.badData,
  unreachable: EXIT.unavailable,
  'secret-busy': EXIT.unavailable,
  configuration: EXIT.configuration,
  'audit-unavailable': EXIT.ioError,
};

/** Writes a line of an answer to stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a value as one line of JSON to stdout, everything beyond ASCII escaped. */
export function printJson(value: unknown): void {
  print(asciiJson(value));
}

/** JSON in ASCII only, so that no terminal and no locale can change what it says. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * Lays rows out in columns, the first row as heading: padded to each column's widest cell, two blanks between.
 * Cells must already be free of control characters.
 */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const [heading, ...rest] = lines;
  if (heading === undefined) return '';
  return [paintFor(process.stdout, 'bold', heading), ...rest].join('\n');
}

type Colour = 'red' | 'yellow' | 'green' | 'bold' | 'dim';
const CODES: Record<Colour, string> = { red: '31', yellow: '33', green: '32', bold: '1', dim: '2' };

/** Colours text for a terminal; plain where `stream` is none or NO_COLOR is set. */
export function paintFor(stream: { readonly isTTY?: boolean }, colour: Colour, text: string): string {
  const wanted = stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';
  return wanted ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

function paint(colour: Colour, text: string): string {
  return paintFor(process.stderr, colour, text);
}
