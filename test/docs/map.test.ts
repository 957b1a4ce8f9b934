import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAP = readFileSync(join(ROOT, 'docs/map.md'), 'utf8');
const [topBlock = '', sourceBlock = ''] = [...MAP.matchAll(/^```\n([^]*?)^```$/gm)].map((match) => match[1] ?? '');

interface Entry {
  /** Relative to the block's root; a directory ends in `/`. */
  readonly path: string;
  readonly phrase: string;
}

/** Reads a tree whose depth is its indentation, two blanks a level. */
function readTree(block: string): Entry[] {
  const parents: string[] = [];
  return block.split('\n').flatMap((line) => {
    const match = /^((?: {2})*)(\S+)(?: +(\S.*))?$/.exec(line);
    if (match === null) return [];
    const [, indent = '', name = '', phrase = ''] = match;
    parents.length = indent.length / 2;
    const path = parents.join('') + name;
    parents.push(name);
    return [{ path, phrase }];
  });
}

/** Files and directories below a folder. Empty directories are left out: git keeps none. */
function walk(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry: Dirent) => {
    const path = `${prefix}${entry.name}`;
    if (!entry.isDirectory()) return [path];
    const below = walk(folder, `${path}/`);
    return below.length === 0 ? [] : [`${path}/`, ...below];
  });
}

/** What `.gitignore` names, in the two forms that it uses: `folder/` and `*.suffix`. */
function isIgnored(name: string): boolean {
  const patterns = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n').filter(Boolean);
  return patterns.some((pattern) => (pattern.startsWith('*') ? name.endsWith(pattern.slice(1)) : name === pattern));
}

/** Data files of one form, which the map names by their folder. */
const DATA = /^src\/profiles\/.+/;

describe('docs/map.md', () => {
  it('names every file of src/ and no other', () => {
    const mapped = readTree(sourceBlock).map(({ path }) => path);
    expect(mapped.length).toBeGreaterThan(100);
    expect(mapped.toSorted()).toEqual(['src/', ...walk(ROOT, 'src/').filter((path) => !DATA.test(path))].toSorted());
  });

  it('names everything at the top level and nothing else', () => {
    const top = readdirSync(ROOT, { withFileTypes: true }).map(
      (entry) => `${entry.name}${entry.isDirectory() ? '/' : ''}`,
    );
    const kept = top.filter((name) => name !== '.git' && name !== '.git/' && !isIgnored(name));
    expect(
      readTree(topBlock)
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(kept.toSorted());
  });

  it('says of each what it is for, and never twice the same', () => {
    const entries = [...readTree(topBlock), ...readTree(sourceBlock)].filter(({ path }) => path !== 'src/');
    const phrases = entries.map(({ phrase }) => phrase);
    expect(entries.filter(({ phrase }) => phrase.length < 3)).toEqual([]);
    expect(phrases.filter((phrase, index) => phrases.indexOf(phrase) !== index)).toEqual([]);
  });
});
