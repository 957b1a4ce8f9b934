/**
 * The one class of errors that Carapace throws on purpose. Anything else that is thrown is a defect: it is caught once
 * a request, audited as `internal`, and denies.
 */
export class CarapaceError extends Error {
  override readonly name = 'CarapaceError';
  /** Stable, kebab-case, documented. */
  readonly code: string;
  /** What to do about it, in one sentence without a full stop; undefined where nothing sensible can be said. */
  readonly hint: string | undefined;

  /**
   * @param code stable kebab-case name of the failure
   * @param message `subject: what is wrong`: lower case, no full stop, expected and actual
   */
  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** The message of whatever was thrown, for a log line. Never throws. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a system error (`ENOENT`), or undefined for anything else. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
