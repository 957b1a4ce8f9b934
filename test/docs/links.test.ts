import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git']);

const documents = readdirSync(ROOT, { withFileTypes: true })
  .filter(({ name }) => !NOT_OURS.has(name))
  .flatMap((entry) =>
    entry.isDirectory()
      ? readdirSync(join(ROOT, entry.name), { recursive: true }).map((name) => join(entry.name, String(name)))
      : [entry.name],
  )
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, text: withoutCode(readFileSync(join(ROOT, name), 'utf8')) }));

/** Blanks fenced blocks, but keeps their lines. */
function withoutCode(text: string): string {
  return text.replaceAll(/^( *)(```+|~~~+)[^]*?^\1\2$/gm, (block) => block.replaceAll(/[^\n]/g, ''));
}

/** Targets of `[text](target)` and `[text]: target`; code spans hold none. */
function linksOf(text: string): string[] {
  const prose = text.replaceAll(/`[^`\n]*`/g, '');
  const forms = [/\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)/g, /^\s*\[[^\]]+\]:\s+(\S+)/gm];
  return forms.flatMap((form) => [...prose.matchAll(form)].map((match) => match[1] ?? ''));
}

/** The fragments that a heading gets on a forge: lower case, punctuation dropped, blanks to dashes; repeats are counted. */
function anchorsOf(text: string): Set<string> {
  const counts = new Map<string, number>();
  const headings = [...text.matchAll(/^#{1,6} +(.+?) *#*$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((heading) => {
      const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
      const slug = plain.replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '').replaceAll(' ', '-');
      const count = counts.get(slug) ?? 0;
      counts.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

/** What is wrong with a link; undefined where it leads somewhere, or out of the repository. */
function problemOf(name: string, link: string): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(link)) return undefined;
  const [path = '', fragment] = link.split('#');
  const target = path === '' ? join(ROOT, name) : join(ROOT, dirname(name), decodeURI(path));
  if (relative(ROOT, target).startsWith('..')) return `${name}: ${link}: leaves the repository`;
  if (!existsSync(target)) return `${name}: ${link}: no such file`;
  if (fragment === undefined) return undefined;
  if (!statSync(target).isFile() || !target.endsWith('.md')) return `${name}: ${link}: a fragment of no document`;
  const anchors = anchorsOf(withoutCode(readFileSync(target, 'utf8')));
  return anchors.has(fragment) ? undefined : `${name}: ${link}: no such heading`;
}

describe('the documents', () => {
  it('are found, and link to each other', () => {
    expect(documents.map(({ name }) => name)).toContain('README.md');
    expect(documents.flatMap(({ text }) => linksOf(text)).length).toBeGreaterThan(20);
  });

  it('have no link that leads nowhere', () => {
    const problems = documents.flatMap(({ name, text }) => linksOf(text).map((link) => problemOf(name, link)));
    expect(problems.filter(Boolean)).toEqual([]);
  });

  it('name in their text only files that exist', () => {
    // A path in a code span that begins like one of ours: a file that was moved leaves its name behind in prose.
    const paths = documents.flatMap(({ name, text }) =>
      [...text.matchAll(/`((?:src|test|docs|scripts|bench|\.ci|\.github)\/[\w./-]+)`/g)].map((match) => ({
        name,
        path: match[1] ?? '',
      })),
    );
    expect(paths.filter(({ path }) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('notice a broken link, a missing heading and a moved file', () => {
    expect(problemOf('docs/map.md', 'nowhere.md')).toMatch(/no such file/);
    expect(problemOf('docs/map.md', '#no-such-heading')).toMatch(/no such heading/);
    expect(problemOf('README.md', '../elsewhere.md')).toMatch(/leaves/);
    expect(linksOf('see [a](b.md#c "t") and `[x](y)`\n\n[d]: e.md\n')).toEqual(['b.md#c', 'e.md']);
  });
});
