/** Runs the shim under a shell of choice, with a fixture in the place of `ssh` that notes what it was given. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseStrictJson } from '../../src/protocol/strict-json.ts';

export const SHIM = fileURLToPath(new URL('../../src/vm/carapace-shim', import.meta.url));

/** The shells that the shim must run under, by the command that interprets a script. */
export const SHELLS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ['dash', ['dash']],
  ['bash', ['bash']],
  ['bash as sh', ['bash', '--posix']],
  ['busybox sh', ['busybox', 'sh']],
];

export function isInstalled(command: readonly string[]): boolean {
  return spawnSync(command[0] ?? '', [...command.slice(1), '-c', ':']).status === 0;
}

/** Notes its process id, arguments, PATH, stdin and what is in TMPDIR, then ends with a status of its own. */
const FIXTURE_SSH = `#!/bin/sh
printf %s "$$" >"$SHIM_TEST/pid"
printf '%s\\0' "$@" >"$SHIM_TEST/argv"
printf %s "$PATH,\${LC_ALL-unset}" >"$SHIM_TEST/environment"
/bin/ls -A "$TMPDIR" >"$SHIM_TEST/temporary"
[ -e "$SHIM_TEST/leave-stdin" ] || /bin/cat >"$SHIM_TEST/stdin"
printf out
exit 42
`;

export interface Sandbox {
  readonly root: string;
  /** The shim's path under a tool's name. */
  readonly shimAs: (tool: string) => string;
  readonly env: (extra?: Readonly<Record<string, string>>) => Record<string, string>;
  /** What the fixture noted. */
  readonly note: (name: 'pid' | 'argv' | 'environment' | 'temporary' | 'stdin') => Buffer;
  /** Whether the fixture was run at all. */
  readonly reachedSsh: () => boolean;
  readonly remove: () => void;
}

/**
 * A directory with the shim, its configuration, and the fixture. `streaming` are names in `stdin-tools`, which has
 * blanks around them and ends without a newline.
 */
export function createSandbox(streaming: readonly string[] = []): Sandbox {
  const root = mkdtempSync(join(tmpdir(), 'carapace-shim-test-'));
  for (const name of ['system', 'bin', 'notes', 'temporary', 'config']) mkdirSync(join(root, name));
  writeFileSync(join(root, 'system', 'ssh'), FIXTURE_SSH, { mode: 0o755 });
  writeFileSync(join(root, 'config', 'ssh_config'), 'Host carapace\n');
  writeFileSync(join(root, 'config', 'stdin-tools'), ['other', ...streaming.map((name) => ` ${name} `)].join('\n'));
  const shim = join(root, 'shim');
  writeFileSync(shim, withSystemPath(join(root, 'system')));
  chmodSync(shim, 0o755);
  const notes = join(root, 'notes');
  return {
    root,
    shimAs: (tool) => {
      const path = join(root, 'bin', tool);
      if (!existsSync(path)) symlinkSync(shim, path);
      return path;
    },
    env: (extra = {}) => ({
      PATH: process.env['PATH'] ?? '',
      CARAPACE_SSH_CONFIG: join(root, 'config', 'ssh_config'),
      SHIM_TEST: notes,
      TMPDIR: join(root, 'temporary'),
      ...extra,
    }),
    note: (name) => readFileSync(join(notes, name)),
    reachedSsh: () => existsSync(join(notes, 'pid')),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The shim with one line changed: where it looks for `ssh` and utilities first. */
function withSystemPath(directory: string): string {
  const lines = readFileSync(SHIM, 'utf8').split('\n');
  const places = lines.flatMap((line, i) => (line.startsWith('system_path=') ? [i] : []));
  if (places.length !== 1) throw new Error(`expected one line that sets system_path, found ${places.length}`);
  return lines.map((line, i) => (i === places[0] ? `system_path=${directory}:/usr/bin:/bin` : line)).join('\n');
}

/** Takes the JSON out of a frame, checking that the length counts its bytes. A newline may follow the frame. */
export function requestIn(bytes: Buffer): Record<string, unknown> {
  const colon = bytes.indexOf(':');
  const prefix = bytes.subarray(0, colon).toString('latin1');
  if (!/^[1-9][0-9]*$/.test(prefix)) throw new Error(`not the length of a frame: ${prefix}`);
  const end = colon + 1 + Number(prefix);
  const rest = bytes.subarray(end).toString('latin1');
  if (rest !== ',' && rest !== ',\n')
    throw new Error(`expected the frame's comma at ${end}, found ${rest.slice(0, 40)}`);
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(colon + 1, end));
  const json = parseStrictJson(text);
  if (!json.ok) throw new Error(`the gateway would refuse this JSON: ${json.message}`);
  // Objects without a prototype, as the parser makes them, equal no literal.
  return JSON.parse(JSON.stringify(json.value)) as Record<string, unknown>;
}
