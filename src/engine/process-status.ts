/** Reads /proc/PID/status (proc_pid_status(5)): as whom a process runs, and what it may beyond that. */

export interface ProcessStatus {
  /** Real, effective, saved and file system; where there is no /proc, real and effective. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  /** Each set's bits in hexadecimal, by their names: `CapEff`. Undefined where the system has none. */
  readonly capabilities: ReadonlyMap<string, string> | undefined;
  readonly noNewPrivs: boolean;
}

const CAPABILITY_SETS = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];

/** Undefined for a text that names no ids, or only some of the sets of capabilities. Never throws. */
export function parseProcessStatus(text: string): ProcessStatus | undefined {
  const fields = new Map(text.split('\n').map((line) => fieldOf(line)));
  const uids = numbersOf(fields.get('Uid'));
  const gids = numbersOf(fields.get('Gid'));
  const groups = numbersOf(fields.get('Groups'));
  if (uids === undefined || gids === undefined || groups === undefined) return undefined;
  if (uids.length < 2 || gids.length < 2) return undefined;
  const rest = { uids, gids, groups, noNewPrivs: fields.get('NoNewPrivs') === '1' };
  const sets = CAPABILITY_SETS.filter((name) => /^[0-9a-f]{1,32}$/.test(fields.get(name) ?? ''));
  if (sets.length === 0) return { ...rest, capabilities: undefined };
  if (sets.length < CAPABILITY_SETS.length) return undefined;
  return { ...rest, capabilities: new Map(sets.map((name) => [name, fields.get(name) ?? ''])) };
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

/** None for an empty field; undefined for a missing one and for anything that is no number. */
function numbersOf(field: string | undefined): readonly number[] | undefined {
  if (field === undefined) return undefined;
  const words = field.split(/\s+/).filter((word) => word !== '');
  return words.every((word) => /^[0-9]{1,10}$/.test(word)) ? words.map(Number) : undefined;
}
