/**
 * The chain of records over the files that hold it, one after the other.
 *
 * Invariants: `seq` and `prev` advance only with a record that is in the file; where a file was torn, removed, replaced
 * or changed by somebody else, the next record says so.
 */
import type { AuditEvent, LogEvent } from '../../model/audit-record.ts';
import { formatLine, hashLine } from './line.ts';
import { type LogFile, type LogIo, openLogFile } from './log-file.ts';

export interface ChainOptions {
  readonly file: string;
  readonly durable: boolean;
  readonly now: () => number;
  readonly io: LogIo;
}

export interface Chain {
  /** Writes a record, and before it what there is to say of the file. @throws whatever the file throws */
  readonly write: (event: AuditEvent) => void;
  /** Opens the file anew where it is not the one that was opened, or not as it was left. @throws as `openLogFile` does */
  readonly look: () => void;
  /** The last record's number; 0 where there is none. */
  readonly seq: () => number;
  readonly close: () => void;
}

/** @throws CarapaceError `audit-unavailable` where the file cannot be opened, is not safe to use or is no log */
export function openChain({ file, durable, now, io }: ChainOptions): Chain {
  let open = openLogFile(file, durable, io);
  let { seq, prev } = open.tail;
  const notes = notesOn(open);

  const writeOne = (event: AuditEvent): void => {
    const line = formatLine(event, { time: new Date(now()).toISOString(), seq: seq + 1, prev });
    open.append(line);
    seq += 1;
    prev = hashLine(line);
  };

  const reopen = (problem: string): void => {
    const fresh = openLogFile(file, durable, io);
    open.close();
    open = fresh;
    // An empty file goes on with the chain of the one that is gone; any other has an end of its own to go on from.
    if (fresh.tail.seq > 0 || fresh.tail.torn) prev = fresh.tail.prev;
    seq = Math.max(seq, fresh.tail.seq);
    notes.push({ event: 'log', action: 'reopened', problem, lost: 0 }, ...notesOn(fresh));
  };

  return {
    write: (event) => {
      for (let note = notes[0]; note !== undefined; note = notes[0]) {
        writeOne(note);
        notes.shift();
      }
      writeOne(event);
    },
    look: () => {
      const change = open.findChange();
      if (change !== undefined) reopen(change);
    },
    seq: () => seq,
    close: () => open.close(),
  };
}

function notesOn({ tail }: LogFile): LogEvent[] {
  return tail.torn ? [{ event: 'log', action: 'repaired', problem: 'the last line was torn', lost: 0 }] : [];
}
