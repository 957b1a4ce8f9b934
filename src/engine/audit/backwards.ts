/** Reads a file's lines from its end, in bounded memory whatever is in it. */
import type { FileHandle } from 'node:fs/promises';
import { MAX_LINE_BYTES, NEWLINE } from './line.ts';

const BLOCK_BYTES = 64 * 1024;

/** A line without its newline; null for one that is longer than any record. */
export type Line = Buffer | null;

/**
 * The lines that end before `end`, newest first. The first that comes is what stands after the last newline: empty,
 * unless the last line is torn or being written.
 *
 * @throws whatever reading throws
 */
export async function* linesBackwards(file: FileHandle, end: number): AsyncGenerator<Line, void> {
  let parts: Buffer[] = [];
  for (let at = end; at > 0; ) {
    const length = Math.min(BLOCK_BYTES, at);
    at -= length;
    const block = await readBlock(file, at, length);
    let to = block.length;
    for (let newline = block.lastIndexOf(NEWLINE); newline !== -1; newline = lastNewlineBefore(block, to)) {
      yield joined([block.subarray(newline + 1, to), ...parts]);
      parts = [];
      to = newline;
    }
    parts = bounded([block.subarray(0, to), ...parts]);
  }
  yield joined(parts);
}

function lastNewlineBefore(block: Buffer, end: number): number {
  return end === 0 ? -1 : block.lastIndexOf(NEWLINE, end - 1);
}

function joined(parts: readonly Buffer[]): Line {
  const line = Buffer.concat(parts);
  return line.length > MAX_LINE_BYTES ? null : line;
}

/** Of a line that is too long already, one part is enough to go on knowing that it is. */
function bounded(parts: Buffer[]): Buffer[] {
  const line = Buffer.concat(parts);
  return [line.subarray(0, MAX_LINE_BYTES + 1)];
}

/** A file that shrinks while it is read ends early: what is missing reads as empty. */
async function readBlock(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const block = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(block, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return block.subarray(0, done);
}
