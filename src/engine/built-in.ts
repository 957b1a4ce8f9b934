/**
 * The words that the gateway answers itself (docs/protocol.md). They run nothing and show a client only what concerns
 * its own key: allow patterns unless the policy says `show_patterns: false`; never deny patterns, values or host paths.
 */
import type { BuiltInWord } from '../model/request.ts';
import { visible } from '../model/visible.ts';
import type { Tool } from '../policy/policy.ts';
import { HELP_TEXT } from '../protocol/help-text.ts';
import type { CallIo } from './call-io.ts';
import type { Caller, Ending } from './door-interface.ts';
import { keyStatus, type Snapshot } from './snapshot.ts';

export interface WordAsked {
  readonly word: Exclude<BuiltInWord, 'check' | 'tunnel'>;
  readonly argv: readonly string[];
  readonly caller: Caller;
  readonly snapshot: Snapshot;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly io: CallIo;
  readonly request: string;
}

/** Answers one word on stdout, or says why not. */
export function answerWord(asked: WordAsked): Ending {
  switch (asked.word) {
    case 'help':
      return answered(asked, HELP_TEXT);
    case 'ping':
      return asked.argv.length === 0 ? answered(asked, 'pong\n') : refused(asked, 'malformed', 'expected nothing');
    case 'whoami':
      return whoami(asked);
    case 'tools':
      return tools(asked);
  }
}

function whoami(asked: WordAsked): Ending {
  const { caller, snapshot, argv } = asked;
  const key = keyStatus(snapshot, caller.key, caller.address, Date.now());
  const expires = key.ok && key.entry.expiresAt !== null ? new Date(key.entry.expiresAt).toISOString() : null;
  const answer = { client: caller.client, key: caller.fingerprint, door: caller.door, peer: caller.peer, expires };
  if (argv.length === 1 && argv[0] === '--json') return answered(asked, `${JSON.stringify(answer)}\n`);
  if (argv.length > 0) return refused(asked, 'malformed', 'expected nothing or --json');
  return answered(
    asked,
    `client ${answer.client}\nkey ${answer.key}\n${expires === null ? '' : `expires ${expires}\n`}`,
  );
}

/** `tools [TOOL] [--json | --shim]`. */
function tools(asked: WordAsked): Ending {
  const [form, ...otherForms] = asked.argv.filter((word) => word.startsWith('--'));
  const [name, ...otherNames] = asked.argv.filter((word) => !word.startsWith('--'));
  if (
    otherForms.length > 0 ||
    otherNames.length > 0 ||
    (form !== undefined && form !== '--json' && form !== '--shim')
  ) {
    return refused(asked, 'malformed', 'expected [TOOL] and at most one of --json and --shim');
  }
  const all = [...asked.tools.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const found = name === undefined ? all : all.filter((tool) => tool.name === name);
  if (name !== undefined && found.length === 0)
    return refused(asked, 'no-such-tool', 'there is no such tool for this client', name);
  return answered(asked, formatTools(found, form, name === undefined));
}

function formatTools(found: readonly Tool[], form: '--json' | '--shim' | undefined, isListing: boolean): string {
  if (form === '--json') return `${JSON.stringify(found.map(describe))}\n`;
  if (form === '--shim') return found.map(shimLine).join('');
  return isListing ? listing(found) : found.map(details).join('');
}

interface Description {
  readonly name: string;
  readonly type: Tool['type'];
  readonly stdin: boolean;
  /** Null where the policy does not show them. */
  readonly allow: readonly string[] | null;
}

function describe(tool: Tool): Description {
  const allow = tool.showPatterns ? tool.allow.map((rule) => rule.pattern) : null;
  return { name: tool.name, type: tool.type, stdin: readsStdin(tool), allow };
}

function readsStdin(tool: Tool): boolean {
  return tool.type === 'cli' && tool.stdin !== 'none';
}

/** `NAME TYPE STDIN`, for scripts on the client machine: names hold no blanks. */
function shimLine(tool: Tool): string {
  return `${tool.name} ${tool.type} ${readsStdin(tool) ? 'stream' : 'none'}\n`;
}

function listing(found: readonly Tool[]): string {
  if (found.length === 0) return 'this key may use no tool\n';
  const width = Math.max(...found.map((tool) => tool.name.length));
  return found
    .map((tool) => `${tool.name.padEnd(width)}  ${tool.type}${readsStdin(tool) ? '  reads stdin' : ''}\n`)
    .join('');
}

function details(tool: Tool): string {
  const { stdin, allow } = describe(tool);
  const head = `${tool.name}  ${tool.type}${stdin ? '  reads stdin' : ''}\n`;
  if (allow === null)
    return `${head}  what is allowed is not shown; \`check ${tool.name} ARGS...\` answers for one call\n`;
  const lines = allow.map((pattern) => `  ${tool.name} ${visible(pattern, 2000)}`.trimEnd());
  return `${head}${lines.length === 0 ? '  nothing is allowed\n' : `allowed:\n${lines.join('\n')}\n`}`;
}

function answered(asked: WordAsked, text: string): Ending {
  asked.io.stdout.write(text);
  return { kind: 'answered', request: asked.request, status: 0 };
}

function refused(
  asked: WordAsked,
  reason: 'malformed' | 'no-such-tool',
  message: string,
  tool: string = asked.word,
): Ending {
  return { kind: 'refused', request: asked.request, refusal: { tool, reason, message } };
}
