/** Runs a command's module in this process, with what it prints caught. */
import { Readable } from 'node:stream';
import { vi } from 'vitest';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `stdin` is given in the chunks that it comes in. */
export async function runCommand(
  command: () => Promise<number>,
  stdin: readonly (string | Buffer)[] = [],
): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => ((stdout += String(chunk)), true)),
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => ((stderr += String(chunk)), true)),
    vi
      .spyOn(process, 'stdin', 'get')
      .mockReturnValue(Readable.from(stdin.map((chunk) => Buffer.from(chunk))) as typeof process.stdin),
  ];
  try {
    const status = await command();
    return { status, stdout, stderr };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
