/** `carapace config check`: says what is wrong in `carapace.yaml`, or prints what is in force. */
import type { Config } from '../config/config.ts';
import { formatConfig } from '../config/config.ts';
import { CarapaceError } from '../model/error.ts';
import type { Directory } from './directory.ts';
import { resolveDirectory } from './directory.ts';
import { readConfig } from './read-config.ts';
import { EXIT, print, printJson } from './report.ts';

export interface ConfigCheckOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

/**
 * Prints the configuration with all defaults filled in, as YAML that `carapace.yaml` could hold, or as JSON.
 * With `--json` problems are an answer too: `{"ok":false,"problems":[...]}` and exit status 78.
 *
 * @throws CarapaceError `configuration`, with a line for each problem
 */
export async function run(options: ConfigCheckOptions): Promise<number> {
  const directory = resolveDirectory(options.dir);
  if (options.json === true) return checkForPrograms(directory);
  print(formatConfig(readConfig(directory)).trimEnd());
  return EXIT.ok;
}

function checkForPrograms(directory: Directory): number {
  let config: Config;
  try {
    config = readConfig(directory);
  } catch (error) {
    if (!(error instanceof CarapaceError)) throw error;
    printJson({ ok: false, file: directory.configFile, problems: error.message.split('\n') });
    return EXIT.configuration;
  }
  printJson({ ok: true, file: directory.configFile, config: config.text });
  return EXIT.ok;
}
