/**
 * Where a tool starts. Policy says which directory the engine has to open and, from what the engine found there, whether
 * the tool may start in it; it looks at no file itself.
 */
import type { OpenedDirectory } from '../model/permit.ts';
import type { ToolRequest } from '../model/request.ts';
import { isInside } from './paths.ts';
import type { CliTool } from './policy.ts';

/** What the engine found when it opened the directory that `directoryToOpen` named. */
export type WorkingDirectory =
  /** There was none to open. */
  | { readonly kind: 'none' }
  | {
      readonly kind: 'opened';
      readonly directory: OpenedDirectory;
      /** The real paths of those of the tool's `cwd_allowed` that exist. */
      readonly allowed: readonly string[];
    }
  /** It is missing, no directory, or of a kind that no tool starts in. `message` is for the operator. */
  | { readonly kind: 'refused'; readonly message: string };

export type JudgedDirectory =
  | { readonly ok: true; readonly cwd: OpenedDirectory | null }
  | { readonly ok: false; readonly token: string | null; readonly message: string };

/** What the client is told, whatever is wrong: it learns nothing about which paths of the host exist. */
const REFUSED = 'working directory is not allowed';

/**
 * The absolute path that the engine opens before the decision: the client's working directory, or the first allowed one
 * where it sent none. Null where the tool ignores it, or where it is refused unopened. Never throws.
 */
export function directoryToOpen(tool: CliTool, request: ToolRequest): string | null {
  if (tool.cwdAllowed === null) return null;
  if (request.cwd === undefined) return tool.cwdAllowed[0] ?? null;
  return problemOf(tool, request.cwd) === undefined ? request.cwd : null;
}

/**
 * Says where the tool starts: a null `cwd` is its own empty directory. `executes`: the tool would run what it finds there,
 * so the policy has to say that it trusts it. Never throws.
 */
export function judgeDirectory(
  tool: CliTool,
  request: ToolRequest,
  found: WorkingDirectory,
  executes = false,
): JudgedDirectory {
  const token = request.cwd ?? null;
  const problem = problemOf(tool, request.cwd);
  if (problem !== undefined) return { ok: false, token, message: `working directory ${problem}` };
  if (tool.cwdAllowed === null) return { ok: true, cwd: null };
  if (executes && !tool.cwdTrusted) {
    const message = 'the tool runs code of its working directory, which the policy does not trust (cwd_trusted)';
    return { ok: false, token, message };
  }
  if (found.kind !== 'opened') return { ok: false, token, message: REFUSED };
  const { directory, allowed } = found;
  if (!allowed.some((root) => isInside(root, directory.path))) return { ok: false, token, message: REFUSED };
  return { ok: true, cwd: directory };
}

/** One that is ignored need not be a good path, but no request holds what no program could be given. */
function problemOf(tool: CliTool, cwd: string | undefined): string | undefined {
  if (cwd === undefined) return undefined;
  return tool.cwdAllowed === null ? textProblem(cwd) : pathProblem(cwd);
}

/** What is wrong with a path that names a directory or program, by its text alone; undefined where nothing is. */
export function pathProblem(path: string): string | undefined {
  const problem = textProblem(path);
  if (problem !== undefined) return problem;
  if (!path.startsWith('/')) return 'is not an absolute path';
  return path.split('/').includes('..') ? "holds a '..' segment" : undefined;
}

function textProblem(path: string): string | undefined {
  return !path.isWellFormed() || path.includes('\0') ? 'holds NUL or a lone surrogate' : undefined;
}
