import { describe, expect, it } from 'vitest';
import { readManner } from '../../src/runner/manner.ts';

const INSTALLATION = '0123456789abcdef'.repeat(2);
const PASSED = { LISTEN_PID: String(process.pid), LISTEN_FDS: '1' };

describe('the way in which a runner is started', () => {
  it('is by a gateway as its own user, which names the socket to make', () => {
    const manner = {
      listen: { path: '/run/x.sock' },
      installation: INSTALLATION,
      hasGatewayOnStdin: true,
      directory: null,
    };
    expect(readManner(['/run/x.sock', INSTALLATION], {})).toEqual(manner);
  });

  it('is by a gateway that is root, which passes it', () => {
    const manner = { listen: { fd: 3 }, installation: INSTALLATION, hasGatewayOnStdin: true, directory: null };
    expect(readManner(['--passed', INSTALLATION], PASSED)).toEqual(manner);
  });

  it('is by a service manager, which passes it and names the directory', () => {
    expect(readManner(['--found', '/var/lib/tools'], PASSED)).toEqual({
      listen: { fd: 3 },
      installation: expect.stringMatching(/^[0-9a-f]{32}$/),
      hasGatewayOnStdin: false,
      directory: '/var/lib/tools',
    });
  });

  it.each([
    [{}],
    [{ LISTEN_FDS: '1' }],
    [{ ...PASSED, LISTEN_FDS: '2' }],
    [{ ...PASSED, LISTEN_PID: String(process.pid + 1) }],
  ])('is none where a socket is not passed to this very process: %j', (env) => {
    expect(readManner(['--passed', INSTALLATION], env)).toBeUndefined();
    expect(readManner(['--found', '/var/lib/tools'], env)).toBeUndefined();
  });

  it.each([
    [[]],
    [['/run/x.sock']],
    [['/run/x.sock', INSTALLATION, 'more']],
    [['/run/x.sock', INSTALLATION.slice(1)]],
    [['/run/x.sock', INSTALLATION.toUpperCase()]],
    [['--passed', `${INSTALLATION}0`]],
    [['--found', 'tools']],
  ])('is none of %j', (args) => {
    expect(readManner(args, PASSED)).toBeUndefined();
  });
});
