/** Says before the tests which programs are missing here, and what is skipped without each of them. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Program, the Debian package that has it, and what its absence skips. */
const USED: readonly (readonly [program: string, debianPackage: string, skipped: string])[] = [
  ['ssh-keygen', 'openssh-client', 'comparisons with what ssh-keygen and ssh understand'],
  ['dash', 'dash', 'the shim under dash'],
  ['bash', 'bash', 'the shim under bash'],
  ['busybox', 'busybox', 'the shim under busybox'],
  ['shellcheck', 'shellcheck', 'the check of the shim'],
  ['curl', 'curl', 'the operator socket as curl reads it'],
  ['dbclient', 'dropbear-bin', 'calls by dbclient'],
  ['plink', 'putty-tools', 'calls by plink'],
  ['ssh-audit', 'ssh-audit', 'the judgement of our algorithms'],
];

export function setup(): void {
  for (const [program, debianPackage, skipped] of USED) {
    if (!isOnPath(program)) console.log(`skipped without ${program} (Debian: ${debianPackage}): ${skipped}`);
  }
  if (spawnSync('/usr/bin/python3', ['-c', 'import paramiko'], { stdio: 'ignore' }).status !== 0) {
    console.log('skipped without paramiko (Debian: python3-paramiko): calls by paramiko');
  }
  if (process.getuid?.() !== 0) console.log('skipped without root: owners of files, and a disk that is really full');
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
