/**
 * What a wildcard would let in. Only `safe` is ever a wildcard's; everything else an author has to spell.
 *
 * `redirects`: another server, configuration, identity or recipient. `mutates`: turns a read into a write, forces,
 * deletes. `exposes`: opens a listener.
 */
export const CLASSES = [
  'safe',
  'reads-file',
  'writes-file',
  'executes',
  'redirects',
  'prints-secret',
  'mutates',
  'exposes',
  'opens-browser',
  'needs-tty',
] as const;
export type Class = (typeof CLASSES)[number];
