/**
 * Makes the memory of a runner unreadable for tools of its own user, through which their environments pass.
 *
 * The kernel marks a process as not dumpable whose program its user may execute and not read (execve(2), PR_SET_DUMPABLE in
 * prctl(2)): nobody without capabilities can attach to it, or read its /proc/PID/environ, mem, maps, fd. Node has no
 * prctl(2), and a copy of Node takes a hundred megabytes; so what is copied, and made unreadable, is the small loader that
 * the kernel starts Node through anyway, and Node is started through the copy (ld.so(8)). Tools are programs of their own,
 * and as readable as ever.
 */
import { execFile } from 'node:child_process';
import { chmodSync, closeSync, copyFileSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** ELF's layout of 64 bits, least byte first (elf(5)): all that Node is built for on Linux but s390x. */
const ELF_64_LITTLE = '7f454c460201';
const PT_INTERP = 3;
const HEADER_BYTES = 64;
/** Room for the header, the program headers that follow it, and the name of the loader after them. */
const HEAD_BYTES = 64 * 1024;

/**
 * Puts the copy into `directory`, which only root may write to. Undefined where it cannot be had or does not work there: on
 * a mount that executes nothing, or where Node has no loader. Never rejects.
 */
export async function openLoader(directory: string): Promise<string | undefined> {
  const path = join(directory, 'loader');
  const fresh = `${path}.new`;
  try {
    const loader = interpreterOf(process.execPath);
    if (loader === undefined) return undefined;
    copyFileSync(loader, fresh);
    chmodSync(fresh, 0o711);
    renameSync(fresh, path);
    const trial = await run(path, [process.execPath, '--version'], { env: {}, timeout: 10_000 });
    return trial.stdout.trim() === process.version ? path : undefined;
  } catch {
    rmSync(fresh, { force: true });
    return undefined;
  }
}

/** What the kernel starts `program` through; undefined for a program of another form. Throws what the file system throws. */
export function interpreterOf(program: string): string | undefined {
  const head = readHead(program);
  if (head.toString('latin1', 0, 6) !== Buffer.from(ELF_64_LITTLE, 'hex').toString('latin1')) return undefined;
  const offset = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  const count = head.readUInt16LE(56);
  for (let index = 0; index < count; index += 1) {
    const at = offset + index * size;
    if (at + 40 > head.length) return undefined;
    if (head.readUInt32LE(at) !== PT_INTERP) continue;
    const from = Number(head.readBigUInt64LE(at + 8));
    // The length counts the NUL at its end.
    const name = head.toString('latin1', from, from + Number(head.readBigUInt64LE(at + 32)) - 1);
    return name.startsWith('/') ? name : undefined;
  }
  return undefined;
}

function readHead(program: string): Buffer {
  const descriptor = openSync(program, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const size = readSync(descriptor, head, 0, HEAD_BYTES, 0);
    return size < HEADER_BYTES ? Buffer.alloc(HEADER_BYTES) : head.subarray(0, size);
  } finally {
    closeSync(descriptor);
  }
}
