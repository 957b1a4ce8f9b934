/** Which of the values that a policy injects are secrets. */
import type { Injection } from '../model/injection.ts';
import type { InjectedSource } from './schema-injection.ts';

/** What `env_inject` comes to: text that anybody may see, and what has to be looked up or taken out of outputs. */
export interface CompiledInjections {
  readonly plain: ReadonlyMap<string, string>;
  readonly secrets: ReadonlyMap<string, Injection>;
}

/** A name that says that its value is a credential; a keyring and the like are where one is kept. */
const TELLS = /KEY(?!RING|CHAIN|STORE|BOARD|MAP)|TOKEN|SECRET|PASSWORD|SESSION|AUTHORIZATION|COOKIE/i;

/**
 * Sorts what a tool's policy injects, by the names of the variables. `isRedacted` false: nothing is taken out of what the
 * tool prints, so no value has to be fit for it.
 */
export function compileInjections(
  source: Readonly<Record<string, InjectedSource>>,
  isRedacted = true,
): CompiledInjections {
  const plain = new Map<string, string>();
  const secrets = new Map<string, Injection>();
  for (const [name, { parts, secret, redact }] of Object.entries(source)) {
    const texts = parts.filter((part) => typeof part === 'string');
    const isLiteral = texts.length === parts.length;
    if (isLiteral && !(secret ?? TELLS.test(name))) plain.set(name, texts.join(''));
    else secrets.set(name, { parts, redacted: isRedacted && redact });
  }
  return { plain, secrets };
}

/**
 * One value that is injected under a name. `secret`: whether literal text is one; undefined: the value, or else the name, tells.
 * `isRedacted` as above.
 */
export function compileInjection(
  name: string,
  { parts, secret, redact }: InjectedSource,
  isSecret: boolean | undefined,
  isRedacted = true,
): Injection {
  const isLiteral = parts.every((part) => typeof part === 'string');
  const taken = isLiteral ? (secret ?? isSecret ?? TELLS.test(name)) : redact;
  return { parts, redacted: isRedacted && taken };
}

/** A value's text where it is a secret that is written out; null for one that is not, or that is kept elsewhere. */
export function literalSecret({ parts }: Injection): string | null {
  return parts.every((part) => typeof part === 'string') ? parts.join('') : null;
}
