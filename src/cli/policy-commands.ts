/** The commands of `carapace policy` with their options. */
import type { Command } from 'commander';
import { type Act, collect, type CommandModule, DIR, JSON_OPTION } from './command.ts';

/** Adds `policy`. `toolWords`: what stands behind the `--` of `policy explain`, which is not commander's to read. */
export function addPolicy(root: Command, act: Act, toolWords: readonly string[]): void {
  const policy = root.command('policy').description('what clients may do: files in policies/');
  const onFiles = (name: string, description: string): Command =>
    policy
      .command(name)
      .argument('[files...]', 'policy files (default: all of the directory)')
      .description(description)
      .option(...DIR)
      .option(...JSON_OPTION);
  const actFiles =
    <Options>(load: () => Promise<CommandModule<Options & { files: string[] }>>) =>
    (files: string[], options: Options): Promise<void> =>
      act(load)({ ...options, files });

  onFiles('check', 'load policies and say all that is wrong or looks wrong')
    .option('--strict', 'fail on warnings too')
    .action(actFiles(() => import('./policy-check.ts')));
  onFiles('test', 'run the tests that policies state about themselves').action(
    actFiles(() => import('./policy-test.ts')),
  );
  policy
    .command('explain')
    .description('decide calls without running them, and say why: `policy explain --policy FILE -- TOOL ARGS...`')
    .option('--policy <file>', 'a policy file; repeatable (default: all of the directory)', collect)
    .option('--stdin', 'read one request a line, as JSON')
    .option('--cwd <dir>', "the client's working directory for the call after --")
    .option(...DIR)
    .option(...JSON_OPTION)
    .action((options: object) => act(() => import('./policy-explain.ts'))({ ...options, words: toolWords }));
  policy
    .command('attack')
    .description('try to get past policies with all that the profiles of their tools give')
    .option('--policy <file>', 'a policy file; repeatable (default: all of the directory)', collect)
    .option(...DIR)
    .option(...JSON_OPTION)
    .action(act(() => import('./policy-attack.ts')));
  policy
    .command('schema')
    .description('print the JSON Schema of policies, for editors')
    .option('--profile', 'of profiles instead')
    .option('--reference', 'print the reference page instead, in Markdown')
    .action(act(() => import('./policy-schema.ts')));
  addPolicyAuthoring(policy, act);
}

function addPolicyAuthoring(policy: Command, act: Act): void {
  const actNamed =
    <Options extends object>(load: () => Promise<CommandModule<Options & { name?: string }>>) =>
    (name: string | undefined, options: Options): Promise<void> =>
      act(load)({ ...options, ...(name === undefined ? {} : { name }) });
  policy
    .command('profiles')
    .argument('[name]', 'one of them: its commands and options, with the class of each')
    .description(
      'what is known of tools and their options: profiles that come with Carapace, and those of policies/profiles/',
    )
    .option(...DIR)
    .option(...JSON_OPTION)
    .action(actNamed(() => import('./policy-profiles.ts')));
  policy
    .command('add')
    .argument('[name]', 'a preset (default: list them all)')
    .description('copy a policy to start from into policies/, fitted to this host, and say what to look at in it')
    .option('--as <name>', "the policy's name here (default: the preset's)")
    .option('--force', 'replace a policy of that name')
    .option(...DIR)
    .option(...JSON_OPTION)
    .action(actNamed(() => import('./policy-add.ts')));
  addLearn(policy, act);
}

function addLearn(policy: Command, act: Act): void {
  policy
    .command('learn')
    .description('propose the narrowest patterns that would allow what was denied')
    .option('--policy <file>', "a policy file; repeatable (default: each client's own, of the directory)", collect)
    .option('--tool <name>', 'only this tool')
    .option('--client <name>', 'only this client')
    .option('--since <when>', 'only since: 30s, 5m, 2h, 1d or an RFC 3339 time')
    .option('--stdin', 'learn from requests a line, as JSON, in the place of the audit log')
    .option(...DIR)
    .option(...JSON_OPTION)
    .addHelpText('after', LEARN_HELP)
    .action(act(() => import('./policy-learn.ts')));
}

const LEARN_HELP = `
Every denied call is recorded, so there is no mode to switch on: write a policy whose tool allows little or nothing, let the
client try what it is for, and learn from the denials. Then paste what it is to do, and run \`carapace policy check\`.

What is printed is YAML. Words that were always the same are spelled; where they varied stands *. With a profile, a line is
commented out if it is not harmless, with what it does above it. Each pattern was tried with the calls that it was made of.`;
