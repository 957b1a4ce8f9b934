/** What `attack.py` reports, judged. */

/** Errors that say no. Anything else would be an attempt that missed its target. */
const REFUSALS = ['EACCES', 'EPERM'];
/** What is refused in other words. */
const OTHER_REFUSALS: Readonly<Record<string, readonly string[]>> = {
  // No process of this session has a terminal.
  'open the terminal': ['ENXIO'],
  // Nobody listens where Node's debugger would.
  'open the debugger of its own runner': ['ECONNREFUSED'],
  'be raised by /usr/bin/sudo': ['ENOENT'],
  // How Python says EPERM here.
  'core dumps after all': ['ValueError'],
  'open /dev/mem': ['ENOENT'],
  'open /root/.ssh': ['ENOENT'],
  'read the host key as root of a namespace': ['ENOSPC', 'EINVAL', 'ENOSYS'],
};

/** The lines of attempts that got something. */
export function successes(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => !line.startsWith('held '));
}

/** The lines of attempts that were not refused but went wrong: they would show nothing. */
export function misses(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => {
    const [, name = '', error = ''] = /^held (.*) (\S+)$/.exec(line) ?? [];
    return ![...REFUSALS, ...(OTHER_REFUSALS[name] ?? [])].includes(error);
  });
}
