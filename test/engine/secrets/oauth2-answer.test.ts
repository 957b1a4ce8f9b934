import { describe, expect, it } from 'vitest';
import { readTokenAnswer } from '../../../src/engine/secrets/oauth2-answer.ts';
import { expectProblem, MARK } from './resolver-fixtures.ts';

const TOKEN = { access_token: MARK, token_type: 'Bearer', expires_in: 100 };

function read(json: unknown, status = 200): ReturnType<typeof readTokenAnswer> {
  return readTokenAnswer(status, Buffer.from(JSON.stringify(json)));
}

function lifeOf(expiresIn: unknown): number | undefined {
  const { access } = read({ ...TOKEN, expires_in: expiresIn });
  return access.ok ? access.lifeMs : undefined;
}

describe("a token endpoint's answer", () => {
  it('is an access token with its life, and a refresh token where there is one', () => {
    const { access, refreshToken } = read(TOKEN);
    expect(access.ok && access.token.reveal()).toBe(MARK);
    expect(access).toMatchObject({ lifeMs: 100_000 });
    expect(refreshToken).toBeUndefined();
    expect(read({ ...TOKEN, refresh_token: `${MARK}-new` }).refreshToken?.reveal()).toBe(`${MARK}-new`);
    expect(read({ ...TOKEN, refresh_token: '' }).refreshToken).toBeUndefined();
  });

  it.each(['bearer', 'Bearer', 'BEARER'])('may write the type as %s', (type) => {
    expect(read({ ...TOKEN, token_type: type }).access.ok).toBe(true);
  });

  it('is taken to be good for five minutes where it does not say', () => {
    expect([undefined, null, '3600', -1].map(lifeOf)).toEqual([300_000, 300_000, 300_000, 300_000]);
    expect([0, 0.5, 3600].map(lifeOf)).toEqual([0, 500, 3_600_000]);
  });

  it.each([
    [{ ...TOKEN, access_token: undefined }, 'the answer has no access_token'],
    [{ ...TOKEN, access_token: '' }, 'the answer has no access_token'],
    [{ ...TOKEN, access_token: [MARK] }, 'the answer has no access_token'],
    [{ ...TOKEN, access_token: `${MARK}\r\nX: y` }, 'the access_token is no printable ASCII'],
    [{ ...TOKEN, access_token: `${MARK}é` }, 'the access_token is no printable ASCII'],
    [{ ...TOKEN, token_type: 'mac' }, 'the token_type is not bearer'],
    [{ ...TOKEN, token_type: undefined }, 'the token_type is not bearer'],
  ])('keeps its refresh token where the rest is wrong: %j', (json, problem) => {
    const { access, refreshToken } = read({ ...json, refresh_token: `${MARK}-new` });
    expectProblem(access, problem);
    expect(refreshToken?.reveal()).toBe(`${MARK}-new`);
  });

  it.each([400, 401, 200])('names a refused refresh token, with status %d', (status) => {
    const { access } = read({ error: 'invalid_grant', error_description: MARK }, status);
    expectProblem(access, 'the refresh token was refused (invalid_grant); set a new one');
  });

  it('names the other codes of the RFC, and nothing else that a server says', () => {
    expectProblem(read({ error: 'invalid_client' }, 401).access, 'the request was refused (invalid_client)');
    expectProblem(read({ error: MARK }, 400).access, 'the token endpoint answered with status 400');
    expectProblem(read({ error: MARK }).access, 'the answer has no access_token');
    expectProblem(read(TOKEN, 503).access, 'the token endpoint answered with status 503');
    expectProblem(read({}, 302).access, 'the token endpoint redirects (status 302), which is not followed');
  });

  it.each([
    MARK,
    '',
    '[]',
    'null',
    `{"access_token":"${MARK}","access_token":"${MARK}","token_type":"bearer"}`,
    `{"access_token":"${MARK}","token_type":"bearer"} `.concat('x'),
  ])('is refused where it is no JSON object: %j', (body) => {
    expectProblem(readTokenAnswer(200, Buffer.from(body)).access, 'the answer is no JSON object');
  });

  it('is refused where it is no UTF-8', () => {
    expectProblem(readTokenAnswer(200, Buffer.from([0x7b, 0xff])).access, 'the answer is no JSON object');
  });
});
