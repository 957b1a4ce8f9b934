import { expect, it } from 'vitest';
import { neededReferences } from '../../src/cli/secret-uses.ts';
import { loadProfiles } from '../../src/engine/profile-files.ts';
import { policyOf } from '../fixtures/gateway-directory.ts';
import { loadPolicy } from '../../src/policy/load.ts';

it('names all that policies refer to as failures do, with what an OAuth token is made of', () => {
  const text = `${policyOf('id')}    env_inject:
      A: "Bearer \${secret:a}\${file:/etc/b}"
      B: {command: [/bin/c, secret]}
      C: {oauth2: {token_url: 'https://a.example/', client: {id: d, secret: {env: E}}, refresh: f}}
      D: text
`;
  const loaded = loadPolicy({ name: 'p', file: 'policies/p.yaml', text, profiles: loadProfiles(null) });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  expect([...neededReferences([loaded.policy])]).toEqual([
    'secret a',
    'file /etc/b',
    'command /bin/c',
    'oauth2 f',
    'secret f',
    'env E',
  ]);
});
