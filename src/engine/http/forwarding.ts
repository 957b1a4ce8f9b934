/** One exchange with an upstream, from the first byte sent until both sides are done. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { type Duplex, Readable } from 'node:stream';
import { messageOf } from '../../model/error.ts';
import type { HttpPermit } from '../../model/http.ts';
import { deferred } from '../deferred.ts';
import {
  type AnswerHead,
  type Headers,
  announcedLength,
  answerProblem,
  hasAnswerBody,
  isEventStream,
  mutable,
  passedHeaders,
  passedTrailers,
} from './answer-head.ts';
import { pumpBody } from './body-pump.ts';
import { eventFilter } from './event-filter.ts';
import { chainOf, type HttpFilters } from './http-filters.ts';
import { type Ended, type Exchanged, type HttpOutcome, REFUSED, TOO_LARGE, UNUSABLE } from './http-outcome.ts';
import type { OpenFilter } from '../stream-filter.ts';
import { type HttpExchange, isBodyPending, isUpgrade, sendContinue } from './request-head.ts';
import type { Framing } from './upstream-request.ts';
import { joinWebSocket } from './websocket.ts';

/** Node's longest timer, 24 days; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface ForwardingParts {
  readonly permit: HttpPermit;
  readonly exchange: HttpExchange;
  /** Begun, with all its headers; nothing was sent yet. */
  readonly outgoing: ClientRequest;
  /** What it asks for, for redirects that are relative to it. */
  readonly sentPath: string;
  readonly filters: HttpFilters;
  readonly framing: Framing;
  /** By `performance.now`. */
  readonly startedAt: number;
}

export class Forwarding {
  readonly #parts: ForwardingParts;
  readonly #done = deferred<HttpOutcome>();
  readonly #timers: NodeJS.Timeout[] = [];
  #isOver = false;
  #status: number | null = null;
  #firstByteMs: number | null = null;
  #bytes = { request: 0, response: 0 };
  #stopBody = (): void => {};
  #stopAnswer = (): void => {};

  readonly #onClientGone = (): void => this.#end({ kind: 'abandoned' });

  constructor(parts: ForwardingParts) {
    this.#parts = parts;
  }

  /** Sends, and resolves once it is over. Never rejects. */
  run(): Promise<HttpOutcome> {
    const { outgoing, exchange, filters, permit } = this.#parts;
    const { response } = exchange;
    // Once there is an answer, what becomes of it counts: it may be whole although the upstream did not take all of a body.
    const lost = (error: Error): void => {
      if (this.#firstByteMs === null) this.#upstreamGone(error);
    };
    outgoing.on('error', lost).once('close', () => lost(new Error('the connection was closed')));
    outgoing.once('response', (incoming) => this.#attempt(() => this.#answer(incoming)));
    outgoing.once('upgrade', (incoming, socket, rest) => this.#attempt(() => this.#join(incoming, socket, rest)));
    response.once('close', this.#onClientGone);
    void filters.refused.then((detector) => this.#end({ ...REFUSED, detector }));
    const toHead = this.#timer(permit.limits.timeLimitMs, 'the upstream did not answer in time');
    outgoing.once('response', () => clearTimeout(toHead)).once('upgrade', () => clearTimeout(toHead));
    if (response.destroyed) this.#onClientGone();
    else this.#sendBody(toHead);
    return this.#done.promise;
  }

  #sendBody(toHead: NodeJS.Timeout): void {
    const { permit, exchange, outgoing, filters, framing } = this.#parts;
    if (framing.kind === 'none') {
      outgoing.end();
      return;
    }
    const isText = typeof permit.body === 'object';
    const source = isText ? Readable.from([Buffer.from(permit.body.text)]) : exchange.request;
    if (!isText) sendContinue(exchange);
    // A body that breaks off is a client that leaves, and the response's end tells of that.
    source.on('error', () => {});
    this.#stopBody = pumpBody({
      source,
      sink: outgoing,
      open: filters.body,
      onRead: (bytes) => {
        this.#bytes.request += bytes;
        if (!isText && this.#bytes.request > permit.limits.maxBodyBytes) this.#end(TOO_LARGE);
        else toHead.refresh();
      },
      onWrite: () => {},
      onEnd: () => {
        if (!this.#isRefused()) outgoing.end();
      },
      onFailed: (thrown) => this.#defect(thrown),
    });
  }

  #answer(incoming: IncomingMessage): void {
    const { permit, exchange, filters, sentPath } = this.#parts;
    this.#firstByteMs = this.#elapsed();
    incoming.on('error', (error) => this.#upstreamGone(error));
    const head: AnswerHead = { status: incoming.statusCode ?? 0, rawHeaders: incoming.rawHeaders };
    const open = hasAnswerBody(permit.method, head) ? this.#filterOf(head) : undefined;
    const problem = answerProblem(head, open !== undefined);
    if (problem !== undefined) {
      this.#end({ ...UNUSABLE, message: `the upstream's answer cannot pass: ${problem}` });
      return;
    }
    const headers = filters.headers(passedHeaders(head, permit, sentPath));
    if (this.#isRefused()) return;
    const length = open !== undefined ? undefined : announcedLength(head);
    this.#writeHead(head, length === undefined ? headers : [...headers, ['content-length', String(length)]]);
    // Without a length it may be a stream of which nothing comes for long.
    if (length === undefined) exchange.response.flushHeaders();
    this.#relay(incoming, open);
  }

  #filterOf(head: AnswerHead): OpenFilter | undefined {
    const { permit, filters } = this.#parts;
    const isFiltered = permit.sseFilter !== null && isEventStream(head);
    return chainOf([isFiltered ? eventFilter(permit.sseFilter) : undefined, filters.answer]);
  }

  #writeHead({ status }: AnswerHead, headers: Headers): void {
    const { request, response } = this.#parts.exchange;
    // What comes of a body that nobody waits for must not be taken for the next request.
    if (isBodyPending(request)) response.shouldKeepAlive = false;
    response.writeHead(status, headers.flat());
    this.#status = status;
  }

  #relay(incoming: IncomingMessage, open: OpenFilter | undefined): void {
    const { permit, exchange } = this.#parts;
    const { response } = exchange;
    const { idleLimitMs } = permit.limits;
    const idle = idleLimitMs === null ? undefined : this.#timer(idleLimitMs, 'the upstream paused for too long');
    response.once('finish', () => this.#end({ kind: 'answered' }));
    this.#stopAnswer = pumpBody({
      source: incoming,
      sink: response,
      open,
      onRead: () => idle?.refresh(),
      onWrite: (bytes) => {
        this.#bytes.response += bytes;
      },
      onEnd: () => this.#attempt(() => this.#finish(incoming)),
      onFailed: (thrown) => this.#upstreamGone(thrown),
    });
  }

  /** The whole answer is here. */
  #finish({ rawTrailers }: IncomingMessage): void {
    const { permit, exchange, filters } = this.#parts;
    const trailers = filters.headers(passedTrailers(rawTrailers, permit));
    if (this.#isRefused()) return;
    if (trailers.length > 0) exchange.response.addTrailers(mutable(trailers));
    exchange.response.end();
  }

  /** Ends the exchange where content was refused: what was cut short may not end as if it were whole. */
  #isRefused(): boolean {
    const detector = this.#parts.filters.refusedBy();
    if (detector !== undefined) this.#end({ ...REFUSED, detector });
    return this.#isOver;
  }

  /** The upstream has agreed to speak WebSocket. */
  #join(incoming: IncomingMessage, socket: Duplex, rest: Buffer): void {
    // `close` follows.
    socket.on('error', () => {});
    if (!isUpgrade(this.#parts.exchange.request) || incoming.headers.upgrade?.toLowerCase() !== 'websocket') {
      socket.destroy();
      this.#end({ ...UNUSABLE, message: 'the upstream speaks another protocol' });
      return;
    }
    this.#firstByteMs = this.#elapsed();
    this.#status = 101;
    this.#parts.exchange.response.off('close', this.#onClientGone);
    const over = (): void => this.#end({ kind: 'answered' });
    joinWebSocket({ ...this.#parts, incoming, upstream: socket, rest, bytes: this.#bytes, over });
  }

  /** What throws is a defect; the client gets no more of the answer. */
  #attempt(step: () => void): void {
    try {
      step();
    } catch (thrown) {
      this.#defect(thrown);
    }
  }

  #defect(thrown: unknown): void {
    this.#end({ kind: 'failed', reason: 'internal', message: 'the gateway failed', detail: messageOf(thrown) });
  }

  #upstreamGone(thrown: unknown): void {
    const detail = messageOf(thrown);
    if (this.#status !== null) this.#end({ kind: 'broken', detail });
    else this.#end({ ...UNUSABLE, message: 'the upstream cannot be reached', detail });
  }

  #timer(milliseconds: number, message: string): NodeJS.Timeout {
    const onTime = (): void => this.#end({ kind: 'limited', reason: 'time-limit', message });
    const timer = setTimeout(onTime, Math.min(milliseconds, MAX_TIMER_MS));
    this.#timers.push(timer);
    return timer;
  }

  #elapsed(): number {
    return performance.now() - this.#parts.startedAt;
  }

  /** The first end counts. Whichever side is not done is closed: what is half an answer or half a request must show it. */
  #end(how: Ended): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { exchange, outgoing, filters } = this.#parts;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#stopBody();
    this.#stopAnswer();
    // What else comes of it is dropped.
    exchange.request.resume();
    if (how.kind !== 'answered' || !outgoing.writableFinished) outgoing.destroy();
    if (how.kind !== 'answered' && this.#status !== null) exchange.response.destroy();
    if (how.kind === 'failed') {
      this.#done.resolve(how);
      return;
    }
    const exchanged: Exchanged = {
      status: this.#status,
      bytes: this.#bytes,
      firstByteMs: this.#firstByteMs,
      durationMs: this.#elapsed(),
    };
    const redactions = filters.counts();
    this.#done.resolve({ ...how, ...exchanged, ...(Object.keys(redactions).length === 0 ? {} : { redactions }) });
  }
}
