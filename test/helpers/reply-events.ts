/** Reads the framed form of a reply, as a program that calls the gateway would. */
import { createFrameReader } from '../../src/protocol/netstring.ts';

export interface ReplyEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** @throws Error where the bytes are not whole frames of events */
export function replyEvents(bytes: Buffer): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const progress = createFrameReader().push(rest);
    if (progress.state !== 'done') throw new Error(`no frame: ${rest.subarray(0, 60).toString('latin1')}`);
    events.push(JSON.parse(progress.payload.toString('utf8')) as ReplyEvent);
    rest = progress.rest;
  }
  return events;
}

/** What one of the streams carried. */
export function streamOf(events: readonly ReplyEvent[], name: 'stdout' | 'stderr'): Buffer {
  const chunks = events.filter(({ event }) => event === name);
  return Buffer.concat(chunks.map(({ data }) => Buffer.from(String(data), 'base64')));
}
