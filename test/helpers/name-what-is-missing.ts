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
  ['curl', 'curl', 'the operator socket and servers as curl reaches them, and how curl reads arguments'],
  ['dbclient', 'dropbear-bin', 'calls by dbclient'],
  ['plink', 'putty-tools', 'calls by plink'],
  ['ssh-audit', 'ssh-audit', 'the judgement of our algorithms'],
  ['getopt', 'util-linux', 'how getopt and getopt_long read arguments'],
  ['git', 'git', 'how git reads arguments'],
  ['gh', 'gh', 'how gh reads arguments'],
  ['docker', 'docker.io', 'how docker reads arguments'],
  ['age', 'age', "how Go's flag package reads arguments, and the store as age reads it"],
  ['setpriv', 'util-linux', 'tools of other users'],
  ['prlimit', 'util-linux', 'limits of the kernel'],
  ['openssl', 'openssl', 'token servers with TLS'],
  ['python3', 'python3', 'prompts on a terminal, attacks by tools of other users'],
  ['fdfind', 'fd-find', 'how clap reads arguments'],
  ['javac', 'default-jdk-headless', 'how argparse4j and picocli read arguments'],
  ['jq', 'jq', 'how jq reads arguments, and secrets as jq writes them'],
  ['nginx', 'nginx-light', 'requests that nginx answers'],
  ['xxd', 'xxd', 'secrets as xxd writes them'],
  ['hexdump', 'bsdextrautils', 'secrets as hexdump writes them'],
  ['openssl', 'openssl', 'secrets as openssl writes them'],
  ['psql', 'postgresql-client', 'how psql reads arguments'],
  ['rsync', 'rsync', 'how rsync reads arguments'],
  ['wget', 'wget', 'how wget reads arguments'],
  ['kubectl', 'none', 'how kubectl reads arguments'],
  ['terraform', 'none', 'how terraform reads arguments'],
  ['gcloud', 'none', 'how gcloud reads arguments'],
];

/** Module of /usr/bin/python3, Debian package, and what its absence skips. */
const MODULES: readonly (readonly [module: string, debianPackage: string, skipped: string])[] = [
  ['paramiko', 'python3-paramiko', 'calls by paramiko'],
  ['argparse', 'python3', 'how argparse reads arguments'],
  ['awscli', 'awscli', 'how aws reads arguments'],
];

export function setup(): void {
  for (const [program, debianPackage, skipped] of USED) {
    if (!isOnPath(program)) console.log(`skipped without ${program} (Debian: ${debianPackage}): ${skipped}`);
  }
  for (const [module, debianPackage, skipped] of MODULES) {
    if (spawnSync('/usr/bin/python3', ['-c', `import ${module}`], { stdio: 'ignore' }).status !== 0)
      console.log(`skipped without ${module} (Debian: ${debianPackage}): ${skipped}`);
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
