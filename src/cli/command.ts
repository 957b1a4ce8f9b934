/** What the commands of the command line share: their form, and the options that many of them have. */

/** What every command's module exports. */
export interface CommandModule<Options> {
  readonly run: (options: Options) => Promise<number>;
}

/** Makes the action of a command whose module is loaded when it is called. */
export type Act = <Options>(load: () => Promise<CommandModule<Options>>) => (options: Options) => Promise<void>;

export const DIR = ['--dir <dir>', "the gateway's directory (default: /etc/carapace, or the current one)"] as const;
export const JSON_OPTION = ['--json', 'print JSON for programs'] as const;

/** Gathers the values of an option that may be repeated. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
