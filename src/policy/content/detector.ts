/** What a detector is: a kind of secret, how it is told from other text, and where its shape was published. */
import type { Candidate } from './shape.ts';

export interface Detector {
  /** As policies, placeholders and the audit log have it. */
  readonly name: string;
  /** What it finds. */
  readonly what: string;
  /** What is verified beyond prefix, alphabet and length; `none` where there is nothing to verify. */
  readonly checksum: string;
  /** Where the shape was published. */
  readonly source: string;
  /** True for what a provider issued: those that `provider-tokens` stands for. */
  readonly provider: boolean;
  readonly candidates: readonly Candidate[];
}
