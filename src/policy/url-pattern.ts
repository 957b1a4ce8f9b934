/**
 * Patterns for urls: `https://api.example.com/v1/*`. A glob over the whole text would let `https://api.example.com*` reach
 * `api.example.com.evil.org`, so a url is matched by parts, on its own text: scheme and host are equal, the rest is a glob.
 */
import { compileGlob, type Glob } from './glob.ts';
import type { Piece } from './words.ts';

export type CompiledUrl =
  | { readonly ok: true; readonly matches: Glob }
  | { readonly ok: false; readonly message: string };

/** True where a word with a wildcard names a url: it holds `://` in its literal text. */
export function isUrlPattern(pieces: readonly Piece[]): boolean {
  return pieces.some((piece) => piece.kind === 'text' && piece.text.includes('://'));
}

/**
 * Compiles a word with a wildcard and a url in it. Text may stand before the scheme (`url=https://...`). A leading `*.`
 * of the host is the only wildcard before its `/`. Never throws.
 */
export function compileUrlPattern(pieces: readonly Piece[]): CompiledUrl {
  const [start, next, ...others] = pieces;
  const scheme = start?.kind === 'text' ? start.text.indexOf('://') : -1;
  if (start?.kind !== 'text' || scheme === -1)
    return { ok: false, message: 'a url in a pattern has no wildcard before its host' };
  const head = start.text.slice(0, scheme + 3);
  const tail = start.text.slice(scheme + 3);
  if (tail === '' && next?.kind === 'any') return compileSubdomains(head, others);
  const slash = tail.indexOf('/');
  if (slash === -1) return { ok: false, message: withoutSlash(next) };
  return compileParts(
    head,
    { host: tail.slice(0, slash), subdomains: false },
    restOf(tail.slice(slash), pieces.slice(1)),
  );
}

interface Host {
  readonly host: string;
  /** True for `*.host`: one label or more before it, and never the host itself. */
  readonly subdomains: boolean;
}

function compileSubdomains(head: string, pieces: readonly Piece[]): CompiledUrl {
  const [first, ...rest] = pieces;
  const text = first?.kind === 'text' ? first.text : '';
  const slash = text.indexOf('/');
  if (!text.startsWith('.')) return { ok: false, message: "a url pattern's host holds no wildcard but a leading '*.'" };
  if (slash === -1) return { ok: false, message: withoutSlash(rest[0]) };
  return compileParts(head, { host: text.slice(0, slash), subdomains: true }, restOf(text.slice(slash), rest));
}

function withoutSlash(next: Piece | undefined): string {
  const host = "a url pattern needs a '/' after its host, or it would reach other hosts";
  return next?.kind === 'any' ? `${host}; write '/*'` : `${host}; its host holds no wildcard but a leading '*.'`;
}

function restOf(text: string, pieces: readonly Piece[]): Piece[] {
  return [{ kind: 'text', text }, ...pieces];
}

function compileParts(head: string, { host, subdomains }: Host, rest: readonly Piece[]): CompiledUrl {
  if (host.includes('@')) return { ok: false, message: 'a url pattern holds no user name or password' };
  if (host.includes('\\') || rest.some((piece) => piece.kind === 'text' && piece.text.includes('\\'))) {
    return { ok: false, message: 'a url pattern holds no backslash' };
  }
  const matchesRest = compileGlob(rest);
  const matchesHost = subdomains ? (text: string) => isSubdomain(text, host) : (text: string) => text === host;
  return {
    ok: true,
    matches: (text) => {
      // Parsers of urls read a backslash as `/` and drop tabs and line ends: what is compared must be what they see.
      if (!text.startsWith(head) || /[\\\p{Cc}]/u.test(text)) return false;
      const end = hostEnd(text, head.length);
      return matchesHost(text.slice(head.length, end)) && matchesRest(text.slice(end));
    },
  };
}

function hostEnd(text: string, start: number): number {
  for (let at = start; at < text.length; at += 1) if ('/?#'.includes(text[at] ?? '')) return at;
  return text.length;
}

/** `suffix` begins with its dot. Only what a host name holds may stand before it: no `@`, no port, no percent sign. */
function isSubdomain(text: string, suffix: string): boolean {
  return text.endsWith(suffix) && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(text.slice(0, -suffix.length));
}
