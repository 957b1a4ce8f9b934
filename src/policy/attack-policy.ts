/** Tries attacks on a policy, and says which get through: `carapace policy attack`. */
import { decideTool } from './decide.ts';
import type { CliTool } from './policy.ts';
import { type Attack, attacksOn, baseCalls } from './profile/attack.ts';
import { readCall } from './profile/read-call.ts';
import type { ReadOption } from './profile/read-options.ts';
import { directoryToOpen, type WorkingDirectory } from './working-directory.ts';

export interface AttackReport {
  readonly tool: string;
  /** False where nothing is known of the tool's options: then nothing can be made of it. */
  readonly profile: boolean;
  readonly tried: number;
  /** Calls that the attacks were put into, and how many of them the policy allows: none, and it was hardly tried. */
  readonly bases: number;
  readonly allowedBases: number;
  readonly through: readonly Attack[];
}

const PROGRESS_EVERY = 2000;

/** More are the same mistake again. */
const MOST_REPORTED = 50;

/**
 * Tries everything that the tool's profile gives, and `corpus`: calls that are known as attacks. `onProgress` is told now and
 * then how many were tried: the largest profiles take seconds. Never throws.
 */
export function attackTool(
  tool: CliTool,
  corpus: readonly (readonly string[])[] = [],
  onProgress: (tried: number) => void = () => undefined,
): AttackReport {
  if (tool.profile === null)
    return { tool: tool.name, profile: false, tried: 0, bases: 0, allowedBases: 0, through: [] };
  const tools = new Map([[tool.name, tool]]);
  const isAllowed = (argv: readonly string[]): boolean => decideCall(tools, tool, argv);
  const bases = baseCalls(tool.profile);
  const through: Attack[] = [];
  let tried = 0;
  for (const attack of attacksOn(tool.profile)) {
    tried += 1;
    if (tried % PROGRESS_EVERY === 0) onProgress(tried);
    if (through.length < MOST_REPORTED && isAllowed(attack.argv)) through.push(attack);
  }
  const known = corpus.flatMap((argv): Attack[] => {
    const unspelled = unspelledDanger(argv, tool);
    return unspelled === undefined ? [] : [{ argv, what: `${unspelled}, known as an attack` }];
  });
  through.push(...known.filter(({ argv }) => isAllowed(argv)));
  return {
    tool: tool.name,
    profile: true,
    tried: tried + corpus.length,
    bases: bases.length,
    allowedBases: bases.filter(isAllowed).length,
    through,
  };
}

/**
 * What is not safe in a call and stands in no allow's text, in whatever spelling: compared as text, so that it does not
 * lean on the matching that is being tried. Undefined: all that it does is what the author wrote.
 */
function unspelledDanger(argv: readonly string[], { allow, profile }: CliTool): string | undefined {
  if (profile === null) return undefined;
  const { command, options } = readCall(argv, profile.profile);
  const spelled = (name: string): boolean => allow.some(({ pattern }) => pattern.includes(name));
  const allowed = (option: ReadOption): boolean => profile.options.of(option)?.verdict === 'allow';
  const option = options.find((each) => each.spec.class !== 'safe' && !each.spec.names.some(spelled) && !allowed(each));
  if (option !== undefined) return `option ${option.name} (${option.spec.class})`;
  const unsafe = command.class !== 'safe' && !command.names.some(spelled);
  return unsafe && command.class !== null ? `subcommand ${command.path.join(' ')} (${command.class})` : undefined;
}

function decideCall(tools: ReadonlyMap<string, CliTool>, tool: CliTool, argv: readonly string[]): boolean {
  const request = { tool: tool.name, argv, env: new Map(), cwd: undefined };
  const path = directoryToOpen(tool, request);
  const directory: WorkingDirectory =
    path === null
      ? { kind: 'none' }
      : { kind: 'opened', directory: { path, dev: '0', ino: '0' }, allowed: tool.cwdAllowed ?? [] };
  return decideTool(tools, request, directory).verdict === 'allow';
}
