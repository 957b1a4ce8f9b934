/**
 * Netstrings (D. J. Bernstein, 1997): `LENGTH:BYTES,`. The frame around a request, and around each event of a framed
 * reply. Pure: whoever reads the bytes feeds them in.
 */

/** The longest payload of a request's frame, in bytes. */
export const MAX_FRAME_BYTES = 1024 * 1024;

/** `1048576:`: the longest prefix that a legal frame can have. */
const MAX_PREFIX_BYTES = 8;

export type FrameProgress =
  /** Not complete yet. */
  | { readonly state: 'more' }
  /** Complete. `rest` are the bytes after the comma. */
  | { readonly state: 'done'; readonly payload: Buffer; readonly rest: Buffer }
  /** It can never become a frame. */
  | { readonly state: 'bad'; readonly reason: 'malformed' | 'too-large'; readonly message: string };

export interface FrameReader {
  /** Takes the next bytes. After `done` or `bad` it must not be called again. */
  readonly push: (chunk: Buffer) => FrameProgress;
  /** Bytes held so far: what an unfinished frame costs. */
  readonly held: () => number;
}

/** Collects one frame from chunks of any size, in time and memory linear in its length. */
export function createFrameReader(): FrameReader {
  let buffer: Buffer = Buffer.alloc(0);
  let used = 0;
  let end: number | undefined;

  return {
    held: () => buffer.length,
    push: (chunk) => {
      buffer = withRoom(buffer, used, chunk.length);
      used += chunk.copy(buffer, used);
      const bytes = buffer.subarray(0, used);
      if (end === undefined) {
        const prefix = parsePrefix(bytes);
        if (prefix.state !== 'length') return prefix;
        end = prefix.start + prefix.length;
      }
      if (used <= end) return { state: 'more' };
      if (bytes[end] !== COMMA) return bad('malformed', `expected ',' after ${end} bytes of frame`);
      return { state: 'done', payload: bytes.subarray(bytes.indexOf(COLON) + 1, end), rest: bytes.subarray(end + 1) };
    },
  };
}

/** Parses a frame that is the whole of `bytes`, as an exec command holds it. */
export function parseWholeFrame(bytes: Buffer): FrameProgress {
  const progress = createFrameReader().push(bytes);
  if (progress.state === 'more') return bad('malformed', 'frame is longer than the command that holds it');
  if (progress.state === 'done' && progress.rest.length > 0) return bad('malformed', 'bytes after the frame');
  return progress;
}

/** Writes one frame. */
export function formatFrame(payload: string): Buffer {
  const bytes = Buffer.from(payload, 'utf8');
  return Buffer.concat([Buffer.from(`${bytes.length}:`, 'latin1'), bytes, Buffer.from(',', 'latin1')]);
}

const COLON = 0x3a;
const COMMA = 0x2c;

type Prefix =
  | { readonly state: 'length'; readonly start: number; readonly length: number }
  | Exclude<FrameProgress, { state: 'done' }>;

function parsePrefix(bytes: Buffer): Prefix {
  const head = bytes.subarray(0, MAX_PREFIX_BYTES).toString('latin1');
  const colon = head.indexOf(':');
  const digits = colon === -1 ? head : head.slice(0, colon);
  if (!/^(?:0|[1-9][0-9]*)?$/.test(digits) || colon === 0) {
    return bad('malformed', 'expected a frame: its length in decimal digits and a colon');
  }
  if (colon === -1) return head.length < MAX_PREFIX_BYTES ? { state: 'more' } : tooLarge();
  const length = Number(digits);
  return length > MAX_FRAME_BYTES ? tooLarge() : { state: 'length', start: colon + 1, length };
}

function tooLarge(): FrameProgress & { state: 'bad' } {
  return bad('too-large', `frame is longer than ${MAX_FRAME_BYTES} bytes`);
}

function bad(reason: 'malformed' | 'too-large', message: string): FrameProgress & { state: 'bad' } {
  return { state: 'bad', reason, message };
}

/** Doubles the buffer until `more` bytes fit behind `used`: a frame sent byte by byte costs no more than one sent whole. */
function withRoom(buffer: Buffer, used: number, more: number): Buffer {
  if (used + more <= buffer.length) return buffer;
  const grown = Buffer.allocUnsafe(Math.max(used + more, buffer.length * 2));
  buffer.copy(grown, 0, 0, used);
  return grown;
}
