/** Warnings about what a policy injects. No message holds a value. */
import { type Injection, MIN_REDACTED_BYTES } from '../model/injection.ts';
import { literalSecret } from './compile-injection.ts';
import type { InjectedSource } from './schema-injection.ts';

/** `${secrets:x}`, but neither what `$${secret:x}` stands for nor a shell's `${x:-y}`. */
const UNKNOWN_KIND = /\$\{\s*(?!(?:secret|file|env|credential|command|oauth2)\s*:)[a-z0-9_-]+\s*:(?![-=?+])/i;

/** What somebody should look at in one value of `env_inject`; `injection` is absent where the value is no secret. */
export function lintInjection({ parts, secret }: InjectedSource, injection: Injection | undefined): string[] {
  const texts = parts.filter((part) => typeof part === 'string');
  const findings = texts.some((text) => /\{\{.*\}\}/.test(text))
    ? ["'{{ ... }}' is passed on as it stands; no value is filled in"]
    : [];
  // What is no reference may be part of a password: the message does not show it.
  if (secret !== false && texts.some((text) => UNKNOWN_KIND.test(text)))
    findings.push(
      "has '${...:' with a word that is no kind of reference, and it is passed on as it stands; expected secret, file, env or credential",
    );
  const written = injection === undefined ? null : literalSecret(injection);
  if (written === null) return findings;
  if (secret === null)
    findings.push(
      "looks like a secret that is written out; keep it with 'carapace secret set', or say {value: ..., secret: false}",
    );
  if (Buffer.byteLength(written) < MIN_REDACTED_BYTES)
    findings.push(`is shorter than ${MIN_REDACTED_BYTES} bytes, so it is not taken out of what the client gets`);
  return findings;
}
