/** Reads the framed form of a reply, as a program that calls the gateway would. */

export interface ReplyEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** @throws Error where the bytes are not whole frames of events */
export function replyEvents(bytes: Buffer): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = /^(0|[1-9]\d*):/.exec(bytes.toString('latin1', at, at + 12))?.[1];
    if (length === undefined) throw new Error(`no frame at ${at}: ${bytes.toString('latin1', at, at + 60)}`);
    const start = at + length.length + 1;
    const end = start + Number(length);
    if (bytes[end] !== 0x2c) throw new Error(`no comma at ${end}: ${bytes.toString('latin1', at, at + 60)}`);
    events.push(JSON.parse(bytes.toString('utf8', start, end)) as ReplyEvent);
    at = end + 1;
  }
  return events;
}

/** What one of the streams carried. */
export function streamOf(events: readonly ReplyEvent[], name: 'stdout' | 'stderr'): Buffer {
  const chunks = events.filter(({ event }) => event === name);
  return Buffer.concat(chunks.map(({ data }) => Buffer.from(String(data), 'base64')));
}
