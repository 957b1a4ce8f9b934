/**
 * What a value must be to be injected, wherever it was kept: UTF-8, without NUL, and not empty. What is wrong is said
 * without a part of the value.
 */
import { isUtf8 } from 'node:buffer';
import { Secret } from '../../model/secret.ts';

/** More than any credential (a key file or a token is a thousandth of it), and little enough to read in one go. */
export const MAX_VALUE_BYTES = 1024 * 1024;

/** A value, or why there is none; `problem` reads after the reference and a colon. */
export type Found =
  | { readonly ok: true; readonly value: Secret; readonly keep?: Keep }
  | { readonly ok: false; readonly problem: string };

/** For how long a value that was found is used again, in milliseconds since the epoch. */
export interface Keep {
  /** When the lookup began: a clock that shows less than this has been set back. */
  readonly from: number;
  /** From when on it is looked up again while it is still used. */
  readonly refreshAt: number;
  readonly expiresAt: number;
  /** What it was made from, as the resolver's `heldStamp` puts it; a value whose source changed is not used again. */
  readonly stamp: string;
}

/** Why there is no value. */
export function missing(problem: string): Found {
  return { ok: false, problem };
}

/**
 * A value from bytes that a person or a program ended with a newline: one is left out (LF or CRLF). The bytes are
 * overwritten with zeros.
 */
export function foundBytes(bytes: Buffer): Found {
  try {
    if (!isUtf8(bytes)) return missing('is no valid UTF-8');
    return foundText(bytes.toString('utf8').replace(/\r?\n$/, ''));
  } finally {
    bytes.fill(0);
  }
}

/** A value that is used as it is. */
export function foundText(text: string): Found {
  const problem = textProblem(text);
  return problem === undefined ? { ok: true, value: new Secret(text) } : missing(problem);
}

/** What is wrong with a value, or undefined. */
export function textProblem(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (text.includes('\0')) return 'holds a NUL byte';
  return text.isWellFormed() ? undefined : 'is no valid UTF-8';
}
