/**
 * Addresses to listen on: `HOST:PORT`, `[IPV6]:PORT` or `unix:/path`.
 */
import type { ListenAddress } from '../model/listen-address.ts';
import { quoted } from '../model/visible.ts';

export type ParsedListen =
  | { readonly ok: true; readonly address: ListenAddress }
  | { readonly ok: false; readonly reason: string };

/** Parses an address of `listen:` or `--listen`: the inverse of `formatListen`. Never throws. */
export function parseListen(text: string): ParsedListen {
  if (text.startsWith('unix:')) return parseUnix(text);
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(0|[1-9]\d{0,4})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (match === null || host === undefined) {
    return refused(`${quoted(text)} is not of the form HOST:PORT, [IPV6]:PORT or unix:/path`);
  }
  const port = Number(match[3]);
  if (port > 65_535) return refused(`${quoted(text)} has a port above 65535`);
  return { ok: true, address: { kind: 'tcp', host, port } };
}

function parseUnix(text: string): ParsedListen {
  const path = text.slice('unix:'.length);
  if (!path.startsWith('/')) return refused(`${quoted(text)} has no absolute path after unix:`);
  if (/\p{Cc}/u.test(path)) return refused(`${quoted(text)} holds control characters`);
  // sun_path of unix(7), less its NUL; macOS has four bytes less.
  if (Buffer.byteLength(path) > 103) return refused(`${quoted(text)} is longer than the 103 bytes of a socket's path`);
  return { ok: true, address: { kind: 'unix', path } };
}

function refused(reason: string): ParsedListen {
  return { ok: false, reason };
}
