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

const FORM = /^(https?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?(\/.*)?$/i;

/** Parses `https://HOST:PORT/BASE`. Only what has one reading is accepted. Never throws. */
export function parseUpstream(written: string): ParsedUpstream {
  const [, scheme = '', host = '', port, base = ''] = FORM.exec(written) ?? [];
  const url = URL.canParse(written) ? new URL(written) : null;
  if (scheme === '' || url === null)
    return {
      ok: false,
      message: `${quoted(written)} is no upstream; expected https://HOST or https://HOST:PORT/BASE, without user and query`,
    };
  const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
  // 0x7f.1 and the like are addresses to some, and names to others.
  if (url.hostname !== host.toLowerCase())
    return { ok: false, message: `${quoted(written)} means the host ${quoted(url.hostname)}; write that` };
  const basePath = base.endsWith('/') ? base.slice(0, -1) : base;
  if (basePath !== '' && readPath(basePath).some(({ text, odd, dots }) => text === '' || odd.length > 0 || dots))
    return { ok: false, message: `${quoted(written)} has a base path that is not plain` };
  const number = port === undefined ? (protocol === 'https:' ? 443 : 80) : Number(port);
  if (number < 1 || number > 65_535) return { ok: false, message: `${quoted(written)} has no possible port` };
  return { ok: true, value: { protocol, host: url.hostname.replace(/^\[|\]$/g, ''), port: number, basePath } };
}

/** True for this host itself, by whatever name. */
export function isLoopback({ host }: WrittenUpstream): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** True where the host is written as an address, or as this host: it is then meant, wherever it lies. */
export function isWrittenAddress(upstream: WrittenUpstream): boolean {
  return isLoopback(upstream) || upstream.host.includes(':') || /^\d+(?:\.\d+){3}$/.test(upstream.host);
}
