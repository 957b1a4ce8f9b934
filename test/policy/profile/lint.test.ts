/** What `policy check` says of rules under a profile. */
import { describe, expect, it } from 'vitest';
import { lintToolProfile } from '../../../src/policy/profile/lint-profile.ts';
import type { ToolParts } from '../policy-of.ts';
import { sampleTool } from './sample-profile.ts';

function lint(parts: ToolParts): string[] {
  const { profile, cwdAllowed } = sampleTool(parts);
  return profile === null ? [] : lintToolProfile(profile, cwdAllowed !== null).map(({ message }) => message);
}

describe('an allow', () => {
  it.each([
    ['*', 'reaches all 8 subcommands that are safe'],
    ['fetch *  *', "'*' matches no url; spell its scheme and host"],
    ['fetch api.example.com/*', "'api.example.com/*' matches no url"],
    ['fetch --host * *', "--host: '*' matches no host"],
    ['fetch --code x* *', "--code: 'x*' matches nothing: code is allowed only as a literal"],
    ['get -f * *', "-f: '*' matches no file outside an empty directory"],
    ['get --as * *', '--as chooses a server, configuration, identity or recipient, and the client chooses its value'],
  ])('%s: %s', (allow, message) => {
    expect(lint({ allow: [allow] }).join('\n')).toContain(message);
  });

  it.each([
    'get *',
    'get pods -n * *',
    'fetch https://a.example/* *',
    'get -f /srv/* *',
    'send * -b *',
    'get --as admin *',
  ])('says nothing of %s', (allow) => {
    expect(lint({ allow: [allow] })).toEqual([]);
  });

  it('says nothing of files where directories are allowed', () => {
    expect(lint({ allow: ['get -f * *'], cwd_allowed: ['/srv/proj'] })).toEqual([]);
  });

  it('that no call can match is a warning wherever the policy is loaded', () => {
    expect(sampleTool({ allow: ['get --nmaespace x'] }).profile?.allow[0]?.compiled).toMatchObject({
      ok: false,
      problem: "option --nmaespace is not known (did you mean '--namespace'?)",
    });
  });
});

describe('a deny', () => {
  const unmet = 'no call that is allowed can meet it: it would be refused without this deny';
  it.each([
    ['* --wacth', [unmet]],
    ['gte *', [unmet]],
    ['secret list *', [unmet]],
    ['* --watch', []],
    ['show *', []],
    ['get secret*', []],
    ['* --as*', []],
    ['send *', []],
    ['* /etc/*', []],
  ])('%s: %j', (deny, messages) => {
    expect(lint({ allow: ['get *'], deny: [deny] })).toEqual(messages);
  });
});
