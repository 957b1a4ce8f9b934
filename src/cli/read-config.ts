/** Reads `carapace.yaml`, or takes all defaults where there is none. */
import { type Config, loadConfig } from '../config/config.ts';
import { readTrustedFile } from '../engine/safe-file.ts';
import { CarapaceError, errnoOf } from '../model/error.ts';
import { formatProblem } from '../model/problem.ts';
import type { Directory } from './directory.ts';

/** @throws CarapaceError `configuration`, with a line for each problem */
export function readConfig(directory: Directory): Config {
  const loaded = loadConfig(directory.configFile, textOf(directory.configFile));
  if (loaded.ok) return loaded.config;
  const lines = loaded.problems.map(formatProblem);
  throw new CarapaceError('configuration', ['carapace.yaml: is not valid', ...lines].join('\n'), {
    hint: 'run: carapace config check',
  });
}

/** What others may write must not decide whom the gateway listens to. */
function textOf(path: string): string {
  try {
    return readTrustedFile(path).toString('utf8');
  } catch (thrown) {
    if (thrown instanceof CarapaceError && errnoOf(thrown.cause) === 'ENOENT') return '';
    throw thrown;
  }
}
