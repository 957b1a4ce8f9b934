/** Reads a request's body whole, for rules that have to see it, within a bound. */
import { hasBody, type HttpExchange, sendContinue } from './request-head.ts';

export type ReadBody =
  | { readonly ok: true; readonly body: Buffer }
  /** `too-large`: more than the bound. `gone`: the client left before it was whole, so there is nobody to answer. */
  | { readonly ok: false; readonly reason: 'too-large' | 'gone' };

/** Reads it; a client that waits for a 100 gets it, unless it has announced too much. Never rejects. */
export async function readBody(exchange: HttpExchange, maxBytes: number): Promise<ReadBody> {
  const { request, response } = exchange;
  if (!hasBody(request)) return { ok: true, body: Buffer.alloc(0) };
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return { ok: false, reason: 'too-large' };
  if (request.destroyed || response.destroyed) return { ok: false, reason: 'gone' };
  sendContinue(exchange);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (read: ReadBody): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      // The rest of it, if any, is dropped.
      request.resume();
      resolve(read);
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else settle({ ok: false, reason: 'too-large' });
    };
    const onEnd = (): void => settle({ ok: true, body: Buffer.concat(chunks) });
    const onClose = (): void => settle({ ok: false, reason: 'gone' });
    // A body that breaks off tells so, and `close` follows.
    request.on('error', () => {});
    request.on('data', onData).once('end', onEnd).once('close', onClose);
  });
}
