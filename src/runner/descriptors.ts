/** Makes sure that no tool inherits a descriptor from whoever started the gateway. */
import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** O_CLOEXEC as /proc/PID/fdinfo prints it (octal, proc(5)). */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes every descriptor above 2 that an execve would keep: Node opens all of its own close-on-exec, and marks inherited
 * ones only up to the first gap above 15, so what is left without the mark came from outside. Once, at start. Does nothing
 * where there is no /proc. Never throws.
 */
export function closeInherited(): void {
  for (const descriptor of openDescriptors()) {
    try {
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) closeSync(descriptor);
    } catch {
      // The listing's own descriptor is closed by now.
    }
  }
}

function openDescriptors(): number[] {
  try {
    return readdirSync('/proc/self/fdinfo')
      .map(Number)
      .filter((descriptor) => descriptor > 2);
  } catch {
    return [];
  }
}
