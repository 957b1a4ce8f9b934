/**
 * Follows the audit log as it grows, through truncation and replacement. The file is looked at a few times a second:
 * watchers miss events, and a person does not notice the difference.
 */
import { stat, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditRecord } from '../../model/audit-record.ts';
import { errnoOf } from '../../model/error.ts';
import { MAX_LINE_BYTES, splitLines } from './line.ts';
import { openForReading, recordIn } from './read.ts';

const LOOK_EVERY_MS = 200;
const BLOCK_BYTES = 64 * 1024;

/**
 * The records written from `offset` on, as they come, until `signal` is aborted; null for a line that is no record.
 *
 * @throws CarapaceError `unreachable` where the log cannot be opened
 */
export async function* followRecords(
  path: string,
  offset: number,
  signal?: AbortSignal,
): AsyncGenerator<AuditRecord | null, void> {
  let file = await openForReading(path);
  let reader = createReader(file, offset);
  try {
    while (!isAborted(signal)) {
      const replaced = await isReplaced(path, file);
      // Looked at before reading: what the old file got until it was replaced is read to its end.
      for await (const line of reader()) yield recordIn(line) ?? null;
      if (replaced) {
        const fresh = await openForReading(path);
        await file.close();
        file = fresh;
        reader = createReader(file, 0);
      } else {
        await pause(signal);
      }
    }
  } finally {
    await file.close();
  }
}

/** Reads the whole lines from where it stopped to the present end; from the beginning of a file that shrank. */
function createReader(file: FileHandle, from: number): () => AsyncGenerator<Buffer | null, void> {
  let at = from;
  let rest = Buffer.alloc(0);
  return async function* readOn() {
    if ((await file.stat()).size < at) {
      at = 0;
      rest = Buffer.alloc(0);
    }
    const block = Buffer.alloc(BLOCK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(block, 0, block.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      const lines = splitLines(Buffer.concat([rest, block.subarray(0, bytesRead)]));
      rest = Buffer.from(lines.pop()?.subarray(0, MAX_LINE_BYTES + 1) ?? []);
      for (const line of lines) yield line.length > MAX_LINE_BYTES ? null : line;
    }
  };
}

/** A file that is gone for the moment is not replaced yet. */
async function isReplaced(path: string, file: FileHandle): Promise<boolean> {
  try {
    const [named, opened] = await Promise.all([stat(path), file.stat()]);
    return named.dev !== opened.dev || named.ino !== opened.ino;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(LOOK_EVERY_MS, undefined, signal === undefined ? {} : { signal });
  } catch {
    // Aborted: the loop sees it.
  }
}
