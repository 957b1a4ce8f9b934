import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const PAGE = readFileSync(new URL('docs/threat-model.md', ROOT), 'utf8');

/** Each file of tests that the page names, with the titles in quotation marks behind it. */
function namedTests(page: string): { file: string; title: string }[] {
  const named = /`(test\/[\w./-]+\.test\.ts)`: ("[^"]+"(?:;\s"[^"]+")*)/g;
  return [...page.matchAll(named)].flatMap(([, file = '', titles = '']) =>
    titles.split(/;\s(?=")/).map((title) => ({ file, title: title.slice(1, -1) })),
  );
}

/** The file's text with the escapes of its string literals undone. */
function sourceOf(file: string): string {
  const url = new URL(file, ROOT);
  return existsSync(url) ? readFileSync(url, 'utf8').replaceAll(/\\(['"`])/g, '$1') : '';
}

/** Whether a test of that title is declared: the title is a whole string literal of the file. */
function declares(file: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => sourceOf(file).includes(`${quote}${title}${quote}`));
}

describe('docs/threat-model.md', () => {
  const tests = namedTests(PAGE);

  it('names tests that exist', () => {
    expect(tests.length).toBeGreaterThan(40);
    expect(tests.filter(({ file, title }) => !declares(file, title))).toEqual([]);
  });

  it('has a test for each defence: every row of the attacks, and every title in quotation marks', () => {
    const rows = PAGE.split('\n').filter((line) => /^\| (?!attack|asset|boundary|[|-])/.test(line));
    const [, defended = ''] = /^## What is defended$([^]*)^## What is not defended$/m.exec(PAGE) ?? [];
    const untested = rows.filter(
      (row) => defended.includes(row) && !row.includes('`test/') && !row.includes('the same |'),
    );
    expect(untested.filter((row) => !row.startsWith('| |'))).toEqual([]);
    expect(tests.length).toBe([...PAGE.matchAll(/"[^"]+"/g)].length);
  });

  it('has a row for each of the weaknesses F1 to F12 and F14', () => {
    const rows = [...PAGE.matchAll(/^\| (F\d+) \|/gm)].map((match) => match[1]);
    expect(rows).toEqual([...Array.from({ length: 12 }, (_, index) => `F${index + 1}`), 'F14']);
  });

  it('notices a title that no test has', () => {
    const [{ file, title } = { file: '', title: '' }] = tests;
    expect(declares(file, title)).toBe(true);
    expect(declares(file, `${title} again`)).toBe(false);
    expect(declares('test/no-such.test.ts', title)).toBe(false);
  });
});
