/** The commands of `carapace secret` with their options. */
import type { Command } from 'commander';
import { type Act, type CommandModule, DIR, JSON_OPTION } from './command.ts';

/** Adds `secret`. */
export function addSecret(root: Command, act: Act): void {
  const secret = root.command('secret').description('what tools need and clients never see: the encrypted store');
  const command = (name: string, description: string): Command =>
    secret
      .command(name)
      .description(description)
      .option(...DIR)
      .option(...JSON_OPTION);
  const actNamed =
    <Options>(load: () => Promise<CommandModule<Options & { name: string }>>) =>
    (name: string, options: Options): Promise<void> =>
      act(load)({ ...options, name });

  // Anything behind the name may be the value, which commander would repeat in its message.
  command('set', 'store a value: from a prompt, or standard input; never from the command line')
    .argument('<name>', "the secret's name, as policies refer to it")
    .allowExcessArguments()
    .allowUnknownOption()
    .action((name: string, options: object, { args }: Command) =>
      act(() => import('./secret-set.ts'))({ ...options, name, rest: args.slice(1) }),
    );
  command('list', 'what is stored, when it was used, and which policies refer to it').action(
    act(() => import('./secret-list.ts')),
  );
  command('remove', 'take a secret out of the store')
    .argument('<name>', "the secret's name")
    .option('--force', 'also where a policy refers to it')
    .action(actNamed(() => import('./secret-remove.ts')));
  command('rotate-key', 'encrypt the store to a new identity')
    .option('--passphrase', 'keep the identity behind a new passphrase, which the gateway asks for when it starts')
    .option('--no-passphrase', 'keep it in a file again')
    .action(act(() => import('./secret-rotate-key.ts')));
}
