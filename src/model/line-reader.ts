/** Cuts a stream of bytes into lines, with a bound on what one line may hold. */

const NEWLINE = 0x0a;

/**
 * Returns a function that takes chunks and calls `receive` with each complete line, its newline taken off, decoded as
 * UTF-8. It returns false once a line is longer than `maxBytes`; the rest of the stream is then meaningless and the
 * caller closes it. An unfinished last line is never received. Throws only what `receive` throws.
 */
export function lineReader(maxBytes: number, receive: (line: string) => void): (chunk: Buffer) => boolean {
  let parts: Buffer[] = [];
  let size = 0;
  return (chunk) => {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      parts.push(chunk.subarray(from, at));
      if (size + at - from > maxBytes) return false;
      const line = parts.length === 1 ? chunk.toString('utf8', from, at) : Buffer.concat(parts).toString('utf8');
      parts = [];
      size = 0;
      from = at + 1;
      receive(line);
    }
    if (from === chunk.length) return true;
    parts.push(chunk.subarray(from));
    size += chunk.length - from;
    return size <= maxBytes;
  };
}
