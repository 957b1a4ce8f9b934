/**
 * A decision with what lies on the disk: opens the working directory that policy asks for, decides, and looks where the
 * files lie that a wildcard of the policy stands for. The one way to a decision for the gateway, for the built-in `check`
 * and for `policy explain`.
 */
import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../model/error.ts';
import type { Decision, FileClaim } from '../model/decision.ts';
import type { ToolRequest } from '../model/request.ts';
import { confirmFiles, decideTool, type SeenFile } from '../policy/decide.ts';
import type { Tool } from '../policy/policy.ts';
import { openRequestedDirectory } from './working-directory.ts';

/**
 * Decides a request. `closed`: directories (the gateway's own) in which no wildcard names a file. Never throws.
 *
 * What it saw may change before the tool opens it: whoever can write to an allowed directory can put a symlink there in
 * between (docs/threat-model.md).
 */
export function decideRequest(
  tools: ReadonlyMap<string, Tool>,
  request: ToolRequest,
  closed: readonly string[],
): Decision {
  const decision = decideTool(tools, request, openRequestedDirectory(tools.get(request.tool), request));
  if (decision.verdict === 'deny' || decision.claims.length === 0) return decision;
  const known = new Map<string, string | null>();
  const look = (path: string): string | null => {
    const real = known.get(path) ?? realPath(path);
    known.set(path, real);
    return real;
  };
  const seen = ({ path, root }: FileClaim): SeenFile => ({ path: look(path), root: look(root) });
  // fail safe: a directory of which nothing can be found out is closed by its name.
  return confirmFiles(
    decision,
    seen,
    closed.map((path) => look(path) ?? path),
  );
}

/** How far up a path is followed to something that exists: a new file needs one step, no tool makes a hundred. */
const MOST_STEPS = 100;

/**
 * The real path; of what is not there, that of the nearest directory above it with the rest behind it. Null also for a link
 * to what is not there: whoever writes to it makes a file elsewhere.
 */
function realPath(path: string, steps = 0): string | null {
  try {
    return realpathSync.native(path);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT' || path === '/' || steps === MOST_STEPS || isThere(path)) return null;
    const above = realPath(dirname(path), steps + 1);
    return above === null ? null : join(above, basename(path));
  }
}

/** True for a link that leads nowhere, too. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}
