import { describe, expect, it } from 'vitest';
import { allowedNameProblem, buildEnvironment } from '../../src/policy/environment.ts';
import { toolOf, type ToolParts } from './policy-of.ts';

function build(parts: ToolParts, sent: Record<string, string>): ReturnType<typeof buildEnvironment> {
  return buildEnvironment(toolOf(parts), new Map(Object.entries(sent)));
}

describe('buildEnvironment', () => {
  it('is built from nothing', () => {
    process.env['CARAPACE_TEST_LEAK'] = 'x';
    const { env } = build({}, {});
    delete process.env['CARAPACE_TEST_LEAK'];
    expect([...env.keys()]).toEqual(['PATH', 'USER', 'LOGNAME', 'LANG', 'TERM']);
    expect(env.get('LANG')).toBe('C.UTF-8');
  });

  it('drops and counts what env_allow does not name', () => {
    const { env, passed, dropped } = build(
      { env_allow: ['NO_COLOR'] },
      { NO_COLOR: '1', GH_HOST: 'evil', LD_PRELOAD: '/x', PATH: '/x' },
    );
    expect(passed).toEqual(['NO_COLOR']);
    expect(dropped).toBe(3);
    expect(env.get('NO_COLOR')).toBe('1');
    expect(env.get('PATH')).toBe('/usr/local/bin:/usr/bin:/bin');
    expect(env.has('LD_PRELOAD')).toBe(false);
  });

  it('lets the client replace LANG and TERM of the base where they are named', () => {
    const { env, passed } = build({ env_allow: ['TERM', 'LANG'] }, { TERM: 'xterm', LANG: 'de_DE.UTF-8' });
    expect([env.get('TERM'), env.get('LANG')]).toEqual(['xterm', 'de_DE.UTF-8']);
    expect(passed).toEqual(['LANG', 'TERM']);
  });

  it('lets what is injected win, over the client and over the base', () => {
    const { env, passed, dropped } = build(
      { env_allow: ['GH_HOST'], env_inject: { GH_HOST: 'real', PATH: '/opt/bin', HOME: '/home/operator' } },
      { GH_HOST: 'attacker' },
    );
    expect([env.get('GH_HOST'), env.get('PATH'), env.get('HOME')]).toEqual(['real', '/opt/bin', '/home/operator']);
    expect([passed, dropped]).toEqual([[], 1]);
  });

  it('leaves the place of a secret empty, whatever the client or the base would put there', () => {
    const { env, passed, dropped } = build(
      { env_allow: ['GH_TOKEN'], env_inject: { GH_TOKEN: { secret: 'github' }, TERM: 'a ${secret:term}' } },
      { GH_TOKEN: 'attacker' },
    );
    expect([env.has('GH_TOKEN'), env.has('TERM')]).toEqual([false, false]);
    expect([passed, dropped]).toEqual([[], 1]);
  });

  it('takes LC_* for the locale categories and nothing else', () => {
    const { passed } = build(
      { env_allow: ['LC_*'] },
      { LC_ALL: 'C', LC_TIME: 'C', LC_X: '1', LC_: '1', 'LC_ALL=1': 'x', LCX: '1', LANG: 'C' },
    );
    expect(passed).toEqual(['LC_ALL', 'LC_TIME']);
  });

  it('drops locales and time zones that name a file', () => {
    const allow = ['LANG', 'LANGUAGE', 'TZ', 'LC_*', 'OTHER'];
    const { passed } = build(
      { env_allow: allow },
      { LANG: '/x', LANGUAGE: '../x', TZ: ':/etc/passwd', LC_ALL: 'a/b', OTHER: '/x' },
    );
    expect(passed).toEqual(['OTHER']);
  });

  it('drops names that are no names, whatever the policy says', () => {
    const tool = {
      ...toolOf({}),
      envAllow: {
        names: new Set(['A=B', 'A B', '1A', 'LD_PRELOAD', 'PATH', 'DYLD_X', 'CARAPACE_CALL', 'OK']),
        locale: false,
      },
    };
    const names = ['A=B', 'A B', '1A', 'LD_PRELOAD', 'PATH', 'DYLD_X', 'CARAPACE_CALL', 'OK', '', 'BASH_FUNC_x%%'];
    expect(buildEnvironment(tool, new Map(names.map((name) => [name, 'x']))).passed).toEqual(['OK']);
  });
});

describe('allowedNameProblem', () => {
  it.each(
    'LD_PRELOAD LD_X DYLD_INSERT_LIBRARIES PATH HOME USER LOGNAME SHELL IFS ENV BASH_ENV GCONV_PATH LOCPATH NLSPATH CARAPACE_CALL'.split(
      ' ',
    ),
  )('refuses %s, which no client ever sets', (name) =>
    expect(allowedNameProblem(name)).toContain('never set by a client'),
  );

  it.each(['*', 'FOO*', 'LC_*X', '?', '[A]', 'LD_*'])('refuses the glob %s', (name) =>
    expect(allowedNameProblem(name)).toContain('only glob'),
  );

  it.each(['', 'A=B', 'A B', '1A', 'A-B', 'É', 'A\0'])('refuses %j, which is no name', (name) => {
    expect(allowedNameProblem(name)).toContain('no name of a variable');
  });

  it.each(['LANG', 'NO_COLOR', 'LC_*', 'LC_ALL', '_x1'])('takes %s', (name) =>
    expect(allowedNameProblem(name)).toBeUndefined(),
  );
});
