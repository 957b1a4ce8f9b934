import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';

const require = createRequire(import.meta.url);

/**
 * The files of ssh2 that src/doors/ssh/transport.ts stands on. When this fails, ssh2 was changed: read its diff, above
 * all of what ssh2-internals.d.ts names, run the hostile suite, and only then write the new hashes here.
 */
const PINNED = {
  'lib/protocol/Protocol.js': 'c1104b49087de7a91cd3ffaac8807c05eebf49f61effd084d0b0caf29fde6af4',
  'lib/protocol/kex.js': '054ba4b81801596350f0e2e939746d2966297cffd4303b342c25b2fd5d295755',
  'lib/protocol/crypto.js': 'a729d2064e787e2a4589c25a284444fe54a58b7434a4e6e5e8e9c73c6d91e28e',
  'lib/protocol/handlers.js': 'b15f990134a4f69b7492d0b875d80d8c28228907045619b01ec30871ac711df9',
  'lib/protocol/handlers.misc.js': '8927c504c3c338187f36f0304a3452d6396ec9fc907af3db2be46a5f175c36a1',
  'lib/protocol/keyParser.js': 'ba4f40a5a9edef15ff49a38226e2be2e66f75aa2673840dd18b807bb7943eca9',
  'lib/protocol/utils.js': '402b39e75ede9e3dc99af5e8af008602546f35aa1472bd4232c06f606987f053',
  'lib/protocol/constants.js': 'a3894fdd8e294109b55f06fbda69e467741f15a250801b744b6b0487bbf32529',
  'lib/protocol/zlib.js': '8cd9f4c1825cbc394ddf9cf076a5ba9195ec255db9e904182ae9c25a1036e2d6',
};

describe('the pinned ssh2', () => {
  it.each(Object.entries(PINNED))('has the %s that was read', (file, hash) => {
    const text = readFileSync(require.resolve(`ssh2/${file}`));
    expect(createHash('sha256').update(text).digest('hex')).toBe(hash);
  });

  it('is version 1.17.0, exactly', () => {
    expect((require('ssh2/package.json') as { version: string }).version).toBe('1.17.0');
    const own = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(own.dependencies['ssh2']).toBe('1.17.0');
  });
});
