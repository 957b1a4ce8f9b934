/** Where connections are accepted: for the configuration that names addresses and the listeners that open them. */

export type ListenAddress =
  /** `port` 0 takes a free one. `host` is an IP address or a name, without brackets. */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** `path` is absolute. */
  | { readonly kind: 'unix'; readonly path: string };

/** `HOST:PORT`, `[IPV6]:PORT` or `unix:/path`: as `carapace.yaml` and `--listen` write it. */
export function formatListen(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
