/**
 * The operational log: what the gateway tells whoever runs it, on stderr, one line a message. It is no evidence (that
 * is the audit log) and no call depends on it: a full disk or a closed stderr loses lines and nothing else.
 *
 * A message reads `subject: what is`, lower case and without a full stop, like every other message of Carapace.
 */
import { writeSync } from 'node:fs';
import { pino } from 'pino';
import { visible } from '../model/visible.ts';
import { escapeJson } from './audit/safe-json.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Named values beside a message. Untrusted text is fine here: it is made visible when it is written. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

type Write = (message: string, fields?: LogFields) => void;

/** What the rest of the gateway logs through. None of the four ever throws. */
export interface Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}

export interface LogOptions {
  /** Messages below it are dropped. */
  readonly level: LogLevel;
  /** `text` for people: `carapace: info: subject: what is (name=value)`. `json` for programs: `level`, `time`, `msg` and the fields. */
  readonly format: 'text' | 'json';
  /** Takes one line with its newline; may throw. Default: stderr. */
  readonly write?: (line: string) => void;
}

/** Makes the operational log. */
export function createLog({ level, format, write = writeToStderr }: LogOptions): Log {
  const sink = {
    write: (json: string): void => {
      try {
        write(format === 'json' ? escapeJson(json) : textLine(json));
      } catch {
        // EPIPE, ENOSPC or EAGAIN on stderr: there is nowhere left to say so.
      }
    },
  };
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  const at =
    (name: LogLevel): Write =>
    (message, fields = {}) => {
      logger[name](fields, message);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Words of the command line's messages; a level that is not here is shown as it is. */
const LEVEL_WORDS: Readonly<Record<string, string>> = { warn: 'warning' };

function textLine(json: string): string {
  const { level, time: _time, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const word = String(level);
  const values = Object.entries(fields).map(([name, value]) => `${visible(name)}=${visible(String(value))}`);
  const suffix = values.length === 0 ? '' : ` (${values.join(', ')})`;
  return `carapace: ${LEVEL_WORDS[word] ?? word}: ${oneLine(String(msg))}${suffix}\n`;
}

/** A net below the callers' own `visible()`: backslashes stay, so what they escaped is not escaped again. */
function oneLine(message: string): string {
  return message.replace(/[^\\]+/gu, (part) => visible(part, Number.POSITIVE_INFINITY));
}

function writeToStderr(line: string): void {
  const bytes = Buffer.from(line);
  let done = 0;
  while (done < bytes.length) done += writeSync(2, bytes, done);
}
