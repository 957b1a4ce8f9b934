/** The server behind a capability, as a policy writes it. */
import { quoted } from '../../model/visible.ts';
import { readPath } from './request-path.ts';

/** An origin and a base path. */
export interface WrittenUpstream {
  readonly protocol: 'http:' | 'https:';
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Empty, or `/base` without a `/` at its end. */
  readonly basePath: string;
}

export type ParsedUpstream =
  | { readonly ok: true; readonly value: WrittenUpstream }
  | { readonly ok: false; readonly message: string };

const FORM = /^(https?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([1-9]\d{0,4}))?(\/.*)?$/i;

/** Parses `https://HOST:PORT/BASE`. Only what has one reading is accepted. Never throws. */
export function parseUpstream(written: string): ParsedUpstream {
  const [whole, , host = '', port, base = ''] = FORM.exec(written) ?? [];
  if (whole === undefined || !URL.canParse(written))
    return refused(written, 'is no upstream; expected https://HOST:PORT/BASE, without user and query');
  const url = new URL(written);
  // 0x7f.1 and the like are addresses to some, and names to others.
  if (url.hostname !== host.toLowerCase())
    return refused(written, `means the host ${quoted(url.hostname)}; write that`);
  const basePath = base.replace(/\/$/, '');
  if (!isPlain(basePath)) return refused(written, 'has a base path that is not plain');
  const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
  return {
    ok: true,
    value: { protocol, host: withoutBrackets(host), port: Number(port ?? DEFAULT_PORTS[protocol]), basePath },
  };
}

const DEFAULT_PORTS = { 'http:': 80, 'https:': 443 };

function withoutBrackets(host: string): string {
  return host.toLowerCase().replaceAll(/[[\]]/g, '');
}

function isPlain(basePath: string): boolean {
  return basePath === '' || readPath(basePath).every(({ text, odd, dots }) => text !== '' && odd.length === 0 && !dots);
}

function refused(written: string, what: string): ParsedUpstream {
  return { ok: false, message: `${quoted(written)} ${what}` };
}

/** True for this host itself, by whatever name. */
export function isLoopback({ host }: WrittenUpstream): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** True where the host is written as an address, or as this host: it is then meant, wherever it lies. */
export function isWrittenAddress(upstream: WrittenUpstream): boolean {
  return isLoopback(upstream) || upstream.host.includes(':') || /^\d+(?:\.\d+){3}$/.test(upstream.host);
}
