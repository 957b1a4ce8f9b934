/**
 * Audit entries as lines for people: time, what it was, who, what, how it ended, the request's id. Everything that a
 * client or a peer sent passes through `visible()`.
 */
import type { AuditEntry } from '../engine/audit/read.ts';
import type {
  AuditEvent,
  AuditRecord,
  CoalescedEvent,
  DecisionEvent,
  HttpRequestRecord,
  OutcomeEvent,
  ReloadEvent,
} from '../model/audit-record.ts';
import { quoted, visible } from '../model/visible.ts';
import { paintFor } from './report.ts';
import { formatBytes, formatDuration } from './units.ts';

/** Characters of a command line that are shown; `--json` has them all. */
const MAX_COMMAND_CHARS = 300;
const WORD_WIDTH = 'feature-refused'.length;
const NAME_WIDTH = 12;

/**
 * One line without a newline, coloured where `stream` is a terminal. A record that was edited, or written by another
 * version, is shown as it is. Never throws.
 */
export function formatEntry(entry: AuditEntry, stream: { readonly isTTY?: boolean }): string {
  try {
    return knownEntry(entry, stream);
  } catch {
    const { time, ...rest } = entry.record;
    return visible(JSON.stringify({ time, ...rest }), MAX_COMMAND_CHARS);
  }
}

function knownEntry({ record, outcome }: AuditEntry, stream: { readonly isTTY?: boolean }): string {
  const word = record.event === 'decision' ? record.verdict : record.event;
  const request = 'request' in record ? `  ${paintFor(stream, 'dim', visible(record.request))}` : '';
  const describe = DESCRIBE_BY_NAME.get(record.event) as Describe<AuditRecord> | undefined;
  if (describe === undefined) throw new RangeError('an event of another version');
  const cells = [
    visible(record.time),
    paintFor(stream, colourOf(record), visible(word).padEnd(WORD_WIDTH)),
    visible(whoIn(record)).padEnd(NAME_WIDTH),
    describe(record, outcome),
  ];
  return `${cells.join('  ')}${request}`;
}

function colourOf(record: AuditRecord): 'red' | 'green' | 'yellow' | 'dim' {
  if (record.event === 'decision') return record.verdict === 'allow' ? 'green' : 'red';
  if (record.event === 'auth-failure' || record.event === 'feature-refused') return 'red';
  return record.event === 'log' || record.event === 'coalesced' ? 'yellow' : 'dim';
}

function whoIn(record: AuditRecord): string {
  if (record.event === 'coalesced') return record.source;
  return 'client' in record ? record.client : '-';
}

type Describe<E> = (record: E, outcome: OutcomeEvent | undefined) => string;

const DESCRIBE: { readonly [E in AuditEvent as E['event']]: Describe<E> } = {
  decision: decisionText,
  outcome: (record) => `${visible(record.tool)}: ${outcomeText(record)}`,
  connection: ({ action, peer, reason }) => withReason(`${visible(action)} from ${visible(peer)}`, reason),
  'auth-failure': ({ peer, key, reason }) => withReason(`${visible(peer)} with ${visible(key ?? 'no key')}`, reason),
  'feature-refused': ({ feature }) => visible(feature),
  reload: reloadText,
  service: ({ action, version, pid }) => `${visible(action)}: carapace ${visible(version)}, process ${digits(pid)}`,
  log: ({ action, problem, lost }) => `${visible(action)}: ${visible(problem)}; ${digits(lost)} events lost`,
  coalesced: coalescedText,
};

const DESCRIBE_BY_NAME = new Map<string, Describe<never>>(Object.entries(DESCRIBE));

function decisionText(record: DecisionEvent, outcome: OutcomeEvent | undefined): string {
  const command = commandText(record);
  if (outcome !== undefined) return `${command}: ${outcomeText(outcome)}`;
  if (record.verdict === 'allow') return command;
  const rule = record.rule === null ? '' : `, ${visible(record.rule)}`;
  return `${command} (${visible(record.reason ?? 'denied')}${rule})`;
}

function commandText({ word, tool, argv, argvCut, http }: DecisionEvent): string {
  const names = [word, tool].filter((name) => name !== null).map((name) => visible(name));
  if (names.length === 0) return '(no request)';
  // Records of older versions have no such field.
  if (http != null) return `${names.join(' ')} ${requestText(http)}`;
  if (argv === null) return `${names.join(' ')} (arguments not recorded)`;
  const text = [...names, ...argv.map(argumentText)].join(' ');
  const cut = text.length > MAX_COMMAND_CHARS;
  return cut || argvCut ? `${text.slice(0, MAX_COMMAND_CHARS)} ...` : text;
}

/** Quoted only where a reader could not tell where an argument begins and ends. */
function argumentText(argument: string): string {
  return /^[^\s'"]+$/u.test(argument) ? visible(argument) : quoted(argument);
}

function outcomeText(outcome: OutcomeEvent): string {
  const { stdin, stdout, stderr } = outcome.bytes;
  const traffic = `${formatBytes(stdin)} in, ${formatBytes(stdout + stderr)} out`;
  return `${endText(outcome)}, ${formatDuration(outcome.durationMs)}, ${traffic}${redactionsText(outcome)}`;
}

/** Records of older versions have no such field. */
function redactionsText({ redactions }: Partial<OutcomeEvent>): string {
  const counts = Object.entries(redactions ?? {}).map(([name, times]) => `${visible(name)} ${digits(times)}`);
  return counts.length === 0 ? '' : `, redacted: ${counts.join(', ')}`;
}

function endText({ kind, status, signal, reason, detector }: OutcomeEvent): string {
  if (reason === 'content-refused') return `${reason}: ${visible(detector ?? '?')}`;
  switch (kind) {
    case 'exited':
      return `exit ${digits(status)}`;
    case 'answered':
      return `status ${digits(status)}`;
    case 'signalled':
      return `signal ${visible(signal ?? '?')}`;
    case 'abandoned':
      return 'client left';
    default:
      return visible(reason ?? kind);
  }
}

function reloadText({ what, ok, digest, problems }: ReloadEvent): string {
  if (ok) return `${visible(what)}: ${visible(digest.slice(0, 12))}`;
  return `${visible(what)}: failed: ${problems.map((problem) => visible(problem)).join('; ')}`;
}

function coalescedText({ of, count, reasons, since }: CoalescedEvent): string {
  const counts = Object.entries(reasons).map(([reason, times]) => `${visible(reason)} ${digits(times)}`);
  return `${digits(count)} of ${visible(of)} since ${visible(since)}: ${counts.join(', ')}`;
}

function requestText({ method, path, query, rpc }: HttpRequestRecord): string {
  const line = `${visible(method)} ${path === null ? '(path not recorded)' : visible(path)}`;
  const whole = query === null ? line : `${line}?${visible(query)}`;
  const message = rpc === null ? '' : ` ${rpc.method === null ? '(answer)' : visible(rpc.method)}`;
  return `${whole.slice(0, MAX_COMMAND_CHARS)}${message}`;
}

/** A number of an edited record may be text. */
function digits(value: number | null): string {
  return Number.isFinite(value) ? String(value) : '?';
}

function withReason(text: string, reason: string | null): string {
  return reason === null ? text : `${text} (${visible(reason)})`;
}
