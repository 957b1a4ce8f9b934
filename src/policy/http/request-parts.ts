/** A request's head from its parts, for requests that are written down and not sent: `tests` and `policy explain`. */
import type { HttpHead } from '../../model/http.ts';

export interface RequestParts {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly hasBody: boolean;
}

/** The head as it would arrive; a body that no header speaks of gets a length, as every client gives it one. */
export function headOf({ method, target, headers: written, hasBody }: RequestParts): HttpHead {
  const headers = written.map(([name, value]) => [name.toLowerCase(), value] as const);
  const isFramed = headers.some(([name]) => name === 'content-length' || name === 'transfer-encoding');
  const framing = hasBody && !isFramed ? ([['transfer-encoding', 'chunked']] as const) : [];
  const at = target.indexOf('?');
  const [path, query] = at === -1 ? [target, null] : [target.slice(0, at), target.slice(at + 1)];
  return { method, path, query, headers: [...headers, ...framing] };
}
