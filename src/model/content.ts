/** Looking through a call's streams for what a policy lets pass neither way. */

/** A rule that found something. */
export interface MetRule {
  /** As placeholders and the audit log have it; never what was found. */
  readonly name: string;
  /** What happens: it is replaced by `[redacted:NAME]`, or the call is ended. */
  readonly action: 'redact' | 'end';
}

/**
 * Looks through one stream. Texts are latin1, one character a byte; each method returns what may pass. Once a rule that
 * ends was met, nothing passes any more.
 */
export interface Scanner {
  push(text: string): string;
  /** Nothing came for a while: what need not be held any longer passes. */
  pause(): string;
  /** Nothing will come. */
  end(): string;
  /** Whether something is held back. */
  holds(): boolean;
}

/** Begins to look through a stream. `met` is called once for each match, before anything behind it passes. */
export type OpenScanner = (met: (rule: MetRule) => void) => Scanner;
