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

/** What a class means, as the end of a sentence that begins with the option or value. */
export const CLASS_MEANING: Readonly<Record<Class, string>> = {
  safe: 'is safe',
  'reads-file': 'reads a file',
  'writes-file': 'writes a file',
  executes: 'runs a program',
  redirects: 'chooses a server, configuration, identity or recipient',
  'prints-secret': 'may print a secret',
  mutates: 'changes or forces something',
  exposes: 'opens a listener',
  'opens-browser': 'opens a browser',
  'needs-tty': 'waits for somebody at a terminal',
};
