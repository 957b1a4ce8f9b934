import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formsOf } from '../../../src/engine/redact/encodings.ts';

/** Every printable character, twice some of them side by side, and letters that are not ASCII. */
const PRINTABLE = `~#Aa0=~:~ ${Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('')}''""//é€𝄞`;
const CONTROL = 'line one\n\tline \'two\'\u001b[0m\u0001\r\n\n"é"';
const JQ = 'jq';
const VALUES = [PRINTABLE, CONTROL, "it's 'so'", 'plain-token_123'];

function formTexts(value: string): string[] {
  return formsOf(value).map(({ bytes }) => bytes.toString());
}

/** The form that stands in a text; undefined: none does. */
function formIn(value: string, output: Buffer): Buffer | undefined {
  return formsOf(value).find(({ bytes }) => output.includes(bytes))?.bytes;
}

function passwordInUrl(value: string): string {
  const url = new URL('http://example.com/');
  url.password = value;
  return url.password;
}

function hasProgram(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
}

describe('the forms of a value', () => {
  it.each(VALUES)('are what this process makes of it: %j', (value) => {
    const forms = formTexts(value);
    const bytes = Buffer.from(value);
    for (const form of [
      value,
      bytes.toString('hex'),
      bytes.toString('hex').toUpperCase(),
      bytes.toString('base64'),
      bytes.toString('base64').replaceAll('=', ''),
      bytes.toString('base64url'),
      encodeURIComponent(value),
      encodeURI(value).replaceAll('%5B', '[').replaceAll('%5D', ']').replaceAll('[', '%5B').replaceAll(']', '%5D'),
      new URLSearchParams({ v: value }).toString().slice(2),
      passwordInUrl(value),
      JSON.stringify(value).slice(1, -1),
      JSON.stringify(JSON.stringify(value).slice(1, -1)).slice(1, -1),
    ]) {
      expect(forms).toContain(form);
    }
  });

  it('are those of urls: behind the question mark, and as the password in Go', () => {
    expect(formTexts("a b+/'=;<@!%")).toEqual(
      expect.arrayContaining([new URL("http://h/?a b+/'=;<@!%").search.slice(1), 'a%20b+%2F%27=;%3C%40%21%25']),
    );
  });

  it('stand in base64 of whatever they are in, but for one character at each end', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    fc.assert(
      fc.property(text, fc.string({ unit: 'binary', minLength: 8 }), text, (before, value, after) => {
        for (const encoding of ['base64', 'base64url'] as const) {
          const output = Buffer.from(Buffer.from(before + value + after).toString(encoding));
          const form = formIn(value, output);
          expect(form?.length).toBeGreaterThanOrEqual(Math.floor((Buffer.byteLength(value) * 8 - 4) / 6));
        }
      }),
    );
  });

  it('are found once each, the value first, and none is shorter than the value', () => {
    for (const value of VALUES) {
      const forms = formsOf(value);
      const keys = forms.map(({ bytes, wraps }) => `${bytes.toString('latin1')} ${wraps}`);
      expect(new Set(keys).size).toBe(keys.length);
      expect(forms[0]).toEqual({ bytes: Buffer.from(value), wraps: false });
      const written = forms.filter(({ wraps }) => !wraps).map(({ bytes }) => bytes.length);
      expect(Math.min(...written)).toBe(Buffer.byteLength(value));
      expect(forms.filter(({ wraps }) => wraps).every(({ bytes }) => !/[\r\n]/.test(bytes.toString('latin1')))).toBe(
        true,
      );
    }
  });

  it('stand in base64 of something longer also where the value is as short as can be', () => {
    for (const before of ['', 'x', 'xx']) {
      const output = Buffer.from(Buffer.from(`${before}Zq8#k2!x and more`).toString('base64'));
      expect(formIn('Zq8#k2!x', output)?.length).toBe(10);
    }
  });

  it('are none of a value of less than eight bytes, which may be fewer characters', () => {
    expect(formsOf('1234567')).toEqual([]);
    expect(formsOf('')).toEqual([]);
    expect(formsOf('éééé').length).toBeGreaterThan(0);
  });

  it('are made of text that is no Unicode, too', () => {
    expect(formTexts('12345678\ud800')).toContain('12345678\ufffd');
  });
});

describe('the forms that other programs make', () => {
  const locales = ['C', 'C.UTF-8'];
  const shellForms: [string, string, string[]][] = [
    ['printf %q of bash', 'bash', ['-c', 'printf %q "$1"', 'bash']],
    ['${v@Q} of bash', 'bash', ['-c', 'printf %s "${1@Q}"', 'bash']],
    ['declare -p of bash', 'bash', ['-c', 'x=$1; declare -p x', 'bash']],
    ['set -x of bash', 'bash', ['-c', 'exec 2>&1; set -x; : "$1"', 'bash']],
    ['export -p of sh', 'sh', ['-c', 'x=$1; export x; export -p', 'sh']],
    ['printf %q of coreutils', '/usr/bin/printf', ['%q']],
    ['the trace of git', 'git', ['rev-parse', '--sq-quote']],
  ];
  for (const locale of locales) {
    for (const [name, program, args] of shellForms) {
      it.runIf(hasProgram(program)).each(VALUES)(`are known: ${name} in ${locale}, of %j`, (value) => {
        const output = execFileSync(program, [...args, value], {
          env: { LC_ALL: locale, PATH: process.env['PATH'] },
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        expect(formIn(value, output), output.toString()).toBeDefined();
      });
    }
  }

  const python = [
    ['json.dumps(v)', 'import json'],
    ['json.dumps(v, ensure_ascii=False)', 'import json'],
    ['quote(v)', 'from urllib.parse import quote'],
    ["quote(v, safe='')", 'from urllib.parse import quote'],
    ['quote_plus(v)', 'from urllib.parse import quote_plus'],
    ['shlex.quote(v)', 'import shlex'],
    ['html.escape(v)', 'import html'],
    ['html.escape(v, quote=False)', 'import html'],
    ['escape(v)', 'from xml.sax.saxutils import escape'],
    ['base64.encodebytes(v.encode()).decode().replace("\\n", "")', 'import base64'],
  ] as const;
  it.runIf(hasProgram('python3')).each(python)('are known: %s of Python', (expression, imports) => {
    for (const value of VALUES) {
      const script = `import sys; ${imports}; v=sys.argv[1]; sys.stdout.buffer.write((${expression}).encode())`;
      const output = execFileSync('python3', ['-c', script, value], { env: { ...process.env, PYTHONUTF8: '1' } });
      expect(formIn(value, output), output.toString()).toBeDefined();
    }
  });

  it
    .runIf(hasProgram(JQ))
    .each([
      [['-R', '-s', '.']],
      [['-R', '-s', '-a', '.']],
      [['-R', '-s', '@uri']],
      [['-R', '-s', '-r', '@sh']],
      [['-R', '-s', '-r', '@html']],
      [['-R', '-s', '-r', '@csv "\\([.])"']],
    ])('are known: jq %j', (args) => {
    for (const value of VALUES) {
      const output = execFileSync(JQ, args, { input: value });
      expect(formIn(value, output), output.toString()).toBeDefined();
    }
  });

  // What these print was noted from their documentation: they are not on every machine that runs the tests.
  it.each([
    ['Go, encoding/json', `a<b>&'c"/\u2028é`, `a\\u003cb\\u003e\\u0026'c\\"/\\u2028é`],
    ['PHP, json_encode', `a<b>&'c"/é`, `a<b>&'c\\"\\/\\u00e9`],
    ['PHP, JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS', `a<b>&'c"/é`, `a\\u003Cb\\u003E\\u0026\\u0027c\\"\\/\\u00e9`],
    ['.NET, JsonSerializer', `a<b>&'c"/é+\``, `a\\u003Cb\\u003E\\u0026\\u0027c\\u0022/\\u00E9\\u002B\\u0060`],
    ['PHP, htmlspecialchars', `a<b>&'c"d`, 'a&lt;b&gt;&amp;&#039;c&quot;d'],
    ['Go, html.EscapeString', `a<b>&'c"d`, 'a&lt;b&gt;&amp;&#39;c&#34;d'],
    ['XML', `a<b>&'c"d`, 'a&lt;b&gt;&amp;&apos;c&quot;d'],
    ['CSV', `a"b'c$d\\e`, `a""b'c$d\\e`],
    ['SQL, YAML', `a"b'c$d\\e`, `a"b''c$d\\e`],
    ['compose files, make', `a"b'c$d\\e`, `a"b'c$$d\\e`],
    ['sed, properties', `a"b'c$d\\e`, `a"b'c$d\\\\e`],
    ['PHP, urlencode', 'a b~c*(d)e', 'a+b%7Ec%2A%28d%29e'],
    ['Go, url.QueryEscape', "a b~c*(d)'e", 'a+b~c%2A%28d%29%27e'],
    ['Java, URLEncoder', "a b~c*(d)'e", 'a+b%7Ec*%28d%29%27e'],
  ])('are known: %s', (_, value, form) => {
    expect(formTexts(value)).toContain(form);
  });
});
