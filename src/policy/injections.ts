/** Every value that a tool injects, wherever it puts it. */
import type { Injection } from '../model/injection.ts';
import type { Tool } from './policy.ts';

/** Those that are looked up, or taken out of what the client gets; each with what it fills: a variable, `header x-api-key`. */
export function injectionsOf(tool: Tool): (readonly [what: string, injection: Injection])[] {
  if (tool.type === 'cli') return [...tool.secrets];
  const { headers, query, path, basic } = tool.inject;
  const { clientCertificate: proof } = tool.upstream;
  return [
    ...named('header', headers),
    ...named('query', query),
    ...named('path', path),
    ...(basic === null
      ? []
      : ([
          ['basic user', basic.user],
          ['basic password', basic.password],
        ] as const)),
    ...(proof === null
      ? []
      : ([
          ['client_cert', proof.certificate],
          ['client_key', proof.key],
        ] as const)),
  ];
}

function named(kind: string, values: ReadonlyMap<string, Injection>): (readonly [string, Injection])[] {
  return Array.from(values, ([name, injection]) => [`${kind} ${name}`, injection]);
}
