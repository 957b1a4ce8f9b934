import { describe, expect, it } from 'vitest';
import { decideCall, verdictOf } from './policy-of.ts';

/** The verdict of one allow pattern. */
function allow(pattern: string, ...argv: string[]): string {
  return verdictOf({ allow: [pattern] }, argv);
}

describe('words and arguments', () => {
  it('go one by one, in order', () => {
    expect(allow('item list', 'item', 'list')).toBe('allow');
    expect(allow('item list', 'list', 'item')).toBe('no-rule');
    expect(allow('item list', 'item')).toBe('no-rule');
    expect(allow('item list', 'item', 'list', 'x')).toBe('no-rule');
    expect(allow('item list', 'item', 'list', '')).toBe('no-rule');
  });

  it('are never joined with blanks', () => {
    expect(allow('item get *', 'item get', 'x')).toBe('no-rule');
    expect(allow('"item get" *', 'item get', 'x')).toBe('allow');
    expect(allow('a* b', 'a b')).toBe('no-rule');
  });

  it('are compared byte for byte: case, blanks and look-alikes count', () => {
    expect(allow('item', 'Item')).toBe('no-rule');
    expect(allow('item', 'item ')).toBe('no-rule');
    expect(allow('Shared', '\u0405hared')).toBe('no-rule');
    expect(allow('caf\u00e9', 'cafe\u0301')).toBe('no-rule');
  });

  it('know an empty argument as an argument', () => {
    expect(allow("a ''", 'a', '')).toBe('allow');
    expect(allow("a ''", 'a')).toBe('no-rule');
    expect(allow('a *', 'a', '')).toBe('allow');
  });
});

describe('the bare tool', () => {
  it('is matched by a lone star and by the empty pattern, which matches nothing else', () => {
    expect(allow('*')).toBe('allow');
    expect(allow('')).toBe('allow');
    expect(allow('   ')).toBe('allow');
    expect(allow('', 'x')).toBe('no-rule');
    expect(allow('', '')).toBe('no-rule');
  });

  it('is not matched by one empty argument', () => {
    expect(allow("''")).toBe('no-rule');
    expect(allow("''", '')).toBe('allow');
  });
});

describe('a lone star', () => {
  it('is zero or more operands at the end', () => {
    expect(allow('item list *', 'item', 'list')).toBe('allow');
    expect(allow('item list *', 'item', 'list', 'a', 'b', 'c')).toBe('allow');
  });

  it('is exactly one operand in the middle', () => {
    expect(allow('item * list', 'item', 'x', 'list')).toBe('allow');
    expect(allow('item * list', 'item', 'list')).toBe('no-rule');
    expect(allow('item * list', 'item', 'x', 'y', 'list')).toBe('no-rule');
    expect(allow('* *')).toBe('no-rule');
    expect(allow('* *', 'a')).toBe('allow');
  });

  it('never stands for an option, a dash or two dashes', () => {
    for (const argument of ['--reveal', '-o', '-', '--', '-1', '--x=y']) {
      expect(allow('item *', 'item', argument), argument).toBe('option-refused');
      expect(allow('item * x', 'item', argument, 'x'), argument).toBe('option-refused');
      expect(allow('item *', 'item', 'ok', argument), argument).toBe('option-refused');
    }
  });

  it('never stands for a url', () => {
    for (const argument of ['https://evil.example/', 'file:///etc/passwd', 'ext::sh://x', 'see https://x']) {
      expect(allow('clone *', 'clone', argument), argument).toBe('value-refused');
      expect(allow('clone * x', 'clone', argument, 'x'), argument).toBe('value-refused');
    }
  });

  it('stands for text with a tab, a newline and any other character of Unicode', () => {
    expect(allow('say *', 'say', 'a\tb\nc')).toBe('allow');
    expect(allow('say *', 'say', '\u2028\u202e\u{1f469}\u200d\u{1f4bb} $(x) `y`; | & <')).toBe('allow');
  });

  it('stands for no other control character', () => {
    for (const argument of ['\u001b[2K', '\r', '\u0007', '\u007f', '\u009b31m', 'a\tb\u0001']) {
      expect(allow('say *', 'say', argument), JSON.stringify(argument)).toBe('character-refused');
      expect(allow('say * x', 'say', argument, 'x'), JSON.stringify(argument)).toBe('character-refused');
    }
  });

  it('stands for a path that climbs, because it names none', () => {
    expect(allow('say *', 'say', '../../x')).toBe('allow');
  });
});

describe('a glob within a word', () => {
  it('is for one argument, slashes included', () => {
    expect(allow('item list*', 'item', 'list')).toBe('allow');
    expect(allow('item list*', 'item', 'list-all/x y')).toBe('allow');
    expect(allow('item list*', 'item', 'list', 'x')).toBe('no-rule');
  });

  it('matches nothing that begins with a dash, however the word begins', () => {
    expect(allow('[-]x', '-x')).toBe('option-refused');
    expect(allow('?x', '-x')).toBe('option-refused');
    expect(allow('*x', '-x')).toBe('option-refused');
  });

  it('matches no url that it does not name', () => {
    expect(allow('h*', 'https://evil.example/')).toBe('value-refused');
    expect(allow('origin/*', 'origin/x://y')).toBe('value-refused');
  });

  it('matches no control character but tab and newline', () => {
    expect(allow('x*', 'x\u001b')).toBe('character-refused');
    expect(allow('x*', 'x\n')).toBe('allow');
  });

  it('matches no climbing argument where it names a path', () => {
    const climbing = [
      '/srv/../etc',
      '/srv/..',
      '/srv/a/../../etc',
      '/srv/..\\etc',
      '/srv/%2e%2e/etc',
      '/srv/%2E./etc',
      '/srv/.%2e%2fetc',
      '/srv/x%2f..%2fetc',
      '/srv/x%5c..%5cetc',
      '/srv/%252e%252e/etc',
      '/srv/..?x',
      '/srv/..#x',
      '/srv/..;x/y',
      '/srv/.\t./etc',
    ];
    for (const argument of climbing) expect(allow('/srv/*', argument), argument).toBe('path-refused');
    expect(allow('*/srv/*', 'x:../srv/y')).toBe('path-refused');
    expect(allow('--dir=*/y', '--dir=../y')).toBe('path-refused');
    expect(allow(String.raw`C:\\srv\\*`, String.raw`C:\srv\..\x`)).toBe('path-refused');
  });

  it('matches dots that are no segment', () => {
    for (const argument of [
      '/srv/...',
      '/srv/a..b',
      '/srv/..a',
      '/srv/a..',
      '/srv/.',
      '/srv/main..HEAD',
      '/srv/%2e%2ex',
    ]) {
      expect(allow('/srv/*', argument), argument).toBe('allow');
    }
    expect(allow('main*', 'main..')).toBe('allow');
  });

  it('is compared with a literal word as it stands, dots and all', () => {
    expect(allow('/srv/../x', '/srv/../x')).toBe('allow');
  });
});

describe('options', () => {
  it('match where the pattern has them and nowhere else', () => {
    expect(allow('list --json', 'list', '--json')).toBe('allow');
    expect(allow('list --json', '--json', 'list')).toBe('option-refused');
    expect(allow('list --json', 'list')).toBe('no-rule');
  });

  it('are each required, once for each time they are spelled', () => {
    expect(allow('get * --vault Shared', 'get', 'x', '--vault', 'Shared', '--vault', 'Shared')).toBe('option-refused');
    expect(allow('-v -v', '-v')).toBe('no-rule');
    expect(allow('-v -v', '-v', '-v')).toBe('allow');
  });

  it('that a pattern does not spell never pass, at the end neither', () => {
    expect(allow('get *', 'get', 'x', '--reveal')).toBe('option-refused');
    expect(allow('get *', 'get', '--reveal', 'x')).toBe('option-refused');
  });

  it('take a star for their value: exactly one argument without a dash', () => {
    expect(allow('send -m * to', 'send', '-m', 'hello', 'to')).toBe('allow');
    expect(allow('send -m *', 'send', '-m')).toBe('no-rule');
    expect(allow('send -m *', 'send', '-m', 'a', 'b')).toBe('no-rule');
    for (const value of ['-x', '-', '--']) expect(allow('send -m *', 'send', '-m', value), value).toBe('value-refused');
  });

  it('take any text for a value, controls and urls within it included, but no url of its own', () => {
    expect(allow('send -m *', 'send', '-m', '')).toBe('allow');
    expect(allow('send -m *', 'send', '-m', '\u001b[1m\r\n\u0007 see https://example.org ../../x')).toBe('allow');
    for (const url of ['https://example.org', ' FILE:///etc/passwd', '\tgit+ssh://h/x']) {
      expect(allow('send -m *', 'send', '-m', url), url).toBe('value-refused');
    }
  });

  it('pass any value in the form that attaches it', () => {
    for (const value of ['', '-x', '--', 'https://example.org', '\u001b', '../..']) {
      expect(allow('send --text=*', 'send', `--text=${value}`), value).toBe('allow');
    }
    expect(allow('send --text=*', 'send', '--text')).toBe('option-refused');
    expect(allow('send --text=*', 'send', '--texts=x')).toBe('option-refused');
    expect(allow('send --text=*', 'send', 'x')).toBe('no-rule');
  });

  it('match a glob for an attached value', () => {
    expect(allow('list --repo=acme/*', 'list', '--repo=acme/app')).toBe('allow');
    expect(allow('list --repo=acme/*', 'list', '--repo=evil/app')).toBe('value-refused');
    expect(allow('list --repo=acme/*', 'list', '--repo=acme/../evil/app')).toBe('path-refused');
  });

  it('with a value attached do not take the star that follows', () => {
    expect(allow('list --format=json *', 'list', '--format=json')).toBe('allow');
    expect(allow('list --format=json *', 'list', '--format=json', 'a', 'b')).toBe('allow');
  });

  it('spelled as two dashes or one dash match only themselves', () => {
    expect(allow('log -- *', 'log', '--', 'x')).toBe('allow');
    expect(allow('log -- *', 'log', '--')).toBe('allow');
    expect(allow('log -- *', 'log', '--', '--output=x')).toBe('option-refused');
    expect(allow('log *', 'log', '--', 'x')).toBe('option-refused');
    expect(allow('apply -f -', 'apply', '-f', '-')).toBe('allow');
    expect(allow('cat - *', 'cat', '-', 'x', 'y')).toBe('allow');
  });
});

describe('a denial names what is wrong', () => {
  function fault(pattern: string, ...argv: string[]): unknown {
    const decision = decideCall({ allow: [pattern] }, argv);
    return decision.verdict === 'deny' ? [decision.token, decision.message] : undefined;
  }

  it('by the argument at fault', () => {
    expect(fault('item get *', 'item', 'get', 'x', '--reveal=yes')).toEqual([
      '--reveal=yes',
      'option --reveal is not allowed',
    ]);
    expect(fault('item get *', 'item', 'put')).toEqual(['put', 'no rule allows these arguments']);
    expect(fault('item get', 'item')).toEqual([null, 'no rule allows these arguments']);
    expect(fault('-m *', '-m', '-x')).toEqual([
      '-x',
      "the value of -m begins with '-', which passes only in the form -m=...",
    ]);
    expect(fault('x *', 'x', 'a\u001b')).toEqual(['a\u001b', "argument 'a\\x1b' holds a control character"]);
    expect(fault('/srv/*', '/srv/../x')).toEqual(['/srv/../x', "argument '/srv/../x' holds a '..' segment"]);
    expect(fault('x *', 'x', 'http://y')).toEqual(['http://y', "url 'http://y' is not allowed"]);
    expect(fault('--a=b*', '--a=c')).toEqual(['--a=c', 'value of --a is not allowed']);
  });
});
