/**
 * Event streams: `text/event-stream` by the rules of the HTML standard, sections 9.2.5 and 9.2.6
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html), read piece by piece and written again.
 *
 * Invariants: what is read does not depend on where the stream is cut. A reader by the standard gets from what is written the
 * events, ids and reconnection times that it would have got from what was read, and no text of an event becomes a field or
 * an event of its own. What is held of an event has a bound. Reading never throws, and takes time linear in the stream.
 */
import { CarapaceError } from '../model/error.ts';

/** What a reader by the standard dispatches. */
export interface StreamEvent {
  readonly kind: 'event';
  /** `message` where the stream names none. */
  readonly type: string;
  /** False: the stream named no type. To the standard that is `message`, but some readers tell the two apart. */
  readonly named: boolean;
  /** Its lines joined by newlines. */
  readonly data: string;
  /** Undefined: the id stays what it was. Empty: there is none from here on. */
  readonly id: string | undefined;
  /** ASCII digits, milliseconds; undefined: the reconnection time stays what it was. */
  readonly retry: string | undefined;
}

/** Fields without data: no event is dispatched, but they hold from here on. At least one of the two is there. */
export interface StreamControl {
  readonly kind: 'control';
  readonly id: string | undefined;
  readonly retry: string | undefined;
}

/** What means nothing to a reader but that the stream is alive. */
export interface StreamComment {
  readonly kind: 'comment';
  /** What stands behind the colon; empty also for other lines that mean nothing. */
  readonly text: string;
}

export type StreamItem = StreamEvent | StreamControl | StreamComment;

/** What came of one piece of a stream. */
export interface StreamRead {
  /** In the order of the stream, but that a comment within an event stands before it. */
  readonly items: readonly StreamItem[];
  /** What is wrong with the stream behind them; nothing more is read then. Undefined: nothing. */
  readonly fault: string | undefined;
}

export interface EventStreamReader {
  /** Reads the next bytes. Every item that they complete is in the answer: none waits for what follows. */
  readonly push: (chunk: Uint8Array) => StreamRead;
  /** The stream is over. The event that it ends in, if any, is dropped, but for its reconnection time, which holds already. */
  readonly end: () => readonly StreamItem[];
}

/** What the lines of one event may hold, in bytes of the stream without line ends. */
export const MAX_EVENT_BYTES = 1_048_576;

const LF = 0x0a;
const CR = 0x0d;

/** A reader for one stream, from its first byte. */
export function eventStreamReader(maxEventBytes: number = MAX_EVENT_BYTES): EventStreamReader {
  const pending = new PendingBytes();
  const block = new Block();
  // The first line may begin with a byte order mark that means nothing; in the others it is text.
  let decoder = new TextDecoder('utf-8');
  let afterCr = false;
  let fault: string | undefined;

  const isWithinBound = (bytes: number): boolean => {
    const isWithin = block.bytes + bytes <= maxEventBytes;
    if (!isWithin) fault = `event of more than ${maxEventBytes} bytes`;
    return isWithin;
  };
  const takeLine = (bytes: Uint8Array): StreamItem | undefined => {
    // No byte of a longer UTF-8 sequence is a line end: a line decodes on its own as it does within the stream.
    const line = decoder.decode(bytes);
    if (!decoder.ignoreBOM) decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    return block.take(line, bytes.length);
  };
  const push = (chunk: Uint8Array): StreamRead => {
    const items: StreamItem[] = [];
    if (fault !== undefined || chunk.length === 0) return { items, fault };
    let from = afterCr && chunk[0] === LF ? 1 : 0;
    for (let end = lineEnd(chunk, from); end !== -1; end = lineEnd(chunk, from)) {
      const line = pending.joined(chunk.subarray(from, end));
      if (!isWithinBound(line.length)) return { items, fault };
      const item = takeLine(line);
      if (item !== undefined) items.push(item);
      from = behindLineEnd(chunk, end);
    }
    // A line that ended in CR was taken at once; an LF that comes next belongs to the same line end.
    afterCr = chunk.at(-1) === CR;
    const rest = chunk.subarray(from);
    if (isWithinBound(pending.size + rest.length)) pending.hold(rest);
    return { items, fault };
  };
  return { push, end: () => (fault === undefined ? block.end() : []) };
}

/**
 * The text of one item, lines ended by LF and the whole by an empty line.
 *
 * @throws CarapaceError `event-field` for a type, id or reconnection time that the format cannot carry; no item that was read
 * from a stream has one
 */
export function formatEvent(item: StreamItem): string {
  if (item.kind === 'comment') return `${textLines(item.text, ':')}\n`;
  const fields = `${fieldLine('id', item.id, /[\0\r\n]/)}${fieldLine('retry', item.retry, /[^0-9]/)}`;
  if (item.kind === 'control') return `${fields}\n`;
  const type = item.named || item.type !== 'message' ? item.type : undefined;
  return `${fieldLine('event', type, /[\r\n]/)}${fields}${textLines(item.data, 'data: ')}\n`;
}

function fieldLine(name: string, value: string | undefined, forbidden: RegExp): string {
  if (value === undefined) return '';
  if (forbidden.test(value)) throw new CarapaceError('event-field', `event stream: ${name} that no stream can carry`);
  return `${name}: ${value}\n`;
}

/** Each line of a text as a line of its own, whatever ends it. */
function textLines(text: string, prefix: string): string {
  return text
    .split(/\r\n|[\r\n]/)
    .map((line) => `${prefix}${line}\n`)
    .join('');
}

/** Where the next CR or LF stands; -1: nowhere. */
function lineEnd(chunk: Uint8Array, from: number): number {
  for (let at = from; at < chunk.length; at += 1) if (chunk[at] === LF || chunk[at] === CR) return at;
  return -1;
}

/** CR and LF together are one line end. */
function behindLineEnd(chunk: Uint8Array, end: number): number {
  return chunk[end] === CR && chunk[end + 1] === LF ? end + 2 : end + 1;
}

/** The lines between two empty ones: the three buffers of section 9.2.6. */
class Block {
  /** Bytes of its lines, but for comments, which are passed on at once. */
  bytes = 0;
  #data: string[] = [];
  #type = '';
  #id: string | undefined;
  #retry: string | undefined;
  #hasComment = false;

  /** Takes a line of `bytes` bytes, and returns what it completes. */
  take(line: string, bytes: number): StreamItem | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.#hasComment = true;
      return { kind: 'comment', text: line.slice(1) };
    }
    this.bytes += bytes;
    if (colon === -1) this.#set(line, '');
    else this.#set(line.slice(0, colon), line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1));
    return undefined;
  }

  /** The end of the stream: a reader by the standard drops the event, but took its reconnection time when it read that. */
  end(): readonly StreamItem[] {
    const retry = this.#retry;
    this.#clear();
    return retry === undefined ? [] : [{ kind: 'control', id: undefined, retry }];
  }

  #set(name: string, value: string): void {
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#type = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^[0-9]+$/.test(value)) this.#retry = value;
  }

  #dispatch(): StreamItem | undefined {
    const [id, retry, hasComment] = [this.#id, this.#retry, this.#hasComment];
    const [type, data] = [this.#type, this.#data];
    this.#clear();
    if (data.length > 0) {
      return {
        kind: 'event',
        type: type === '' ? 'message' : type,
        named: type !== '',
        data: data.join('\n'),
        id,
        retry,
      };
    }
    if (id !== undefined || retry !== undefined) return { kind: 'control', id, retry };
    // Nothing but the sign of life that it is to those who count silence; a comment was passed on as one already.
    return hasComment ? undefined : { kind: 'comment', text: '' };
  }

  #clear(): void {
    this.bytes = 0;
    this.#data = [];
    this.#type = '';
    this.#id = undefined;
    this.#retry = undefined;
    this.#hasComment = false;
  }
}

/** What is kept between two lines, however long the last one was. */
const KEPT_BYTES = 65_536;

/** A line that has begun: copied, so that a chunk of one byte keeps no buffer of the socket alive. */
class PendingBytes {
  size = 0;
  #buffer = new Uint8Array(0);

  hold(piece: Uint8Array): void {
    const size = this.size + piece.length;
    if (size > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(size, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.size));
      this.#buffer = larger;
    }
    this.#buffer.set(piece, this.size);
    this.size = size;
  }

  /** The line that ends in `piece`, until the next call; the pending one is empty then. */
  joined(piece: Uint8Array): Uint8Array {
    if (this.size === 0) return piece;
    this.hold(piece);
    const line = this.#buffer.subarray(0, this.size);
    this.size = 0;
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = new Uint8Array(0);
    return line;
  }
}
