/** The documented chain, checked from a file's bytes alone: nothing of the writer is used. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

interface Line {
  readonly seq: number;
  readonly prev: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Every line of the file as it is, without newlines. */
export function linesOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no newline');
  return text.split('\n').slice(0, -1);
}

/** The records; throws where a line is torn, a number is missing or a hash is not that of the line before. */
export function checkedRecords(file: string): Line[] {
  let prev = '0'.repeat(64);
  return linesOf(file).map((line, at) => {
    const record = JSON.parse(line) as Line;
    if (record.seq !== at + 1) throw new Error(`line ${at + 1} has number ${record.seq}`);
    if (record.prev !== prev) throw new Error(`line ${at + 1} does not follow the line before`);
    prev = createHash('sha256').update(line).digest('hex');
    return record;
  });
}
