/** Reads `carapace.yaml`, or takes all defaults where there is none. */
import { readFileSync } from 'node:fs';
import { type Config, loadConfig } from '../config/config.ts';
import { CarapaceError, errnoOf, messageOf } from '../model/error.ts';
import { formatProblem } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
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

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return '';
    throw new CarapaceError('configuration', `${quoted(path, 4096)}: cannot be read: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
