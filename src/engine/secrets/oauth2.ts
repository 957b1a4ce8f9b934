/**
 * Access tokens, got with a refresh token that is kept in the store (RFC 6749, section 6).
 *
 * Many servers make a new refresh token at each refresh, and the old one is void from then on. So the first thing that is
 * done with an answer is to store its refresh token; only then is the answer judged and its access token used. What
 * cannot be helped is the time between the server's making a new one and our having it on the disk: a gateway that dies
 * in it knows only the old one, which some servers take once more. A new one that cannot be stored (a full disk) is kept
 * in memory, and storing it is tried again before anything else is asked of the server.
 */
import { CarapaceError } from '../../model/error.ts';
import type { OAuth2Reference } from '../../model/injection.ts';
import type { Secret } from '../../model/secret.ts';
import type { TokenAnswer } from './oauth2-answer.ts';
import { requestToken } from './oauth2-request.ts';
import type { Found } from './resolve-text.ts';
import { missing } from './resolve-text.ts';
import type { StoredSecrets } from './resolver-sources.ts';
import { describeThrown } from './resolver-sources.ts';

export interface AccessTokens {
  /**
   * Gets a new access token. Of refreshes with the same refresh token one runs at a time.
   *
   * Rejects with a CarapaceError where the store cannot be read.
   */
  readonly refresh: (reference: OAuth2Reference) => Promise<Found>;
  /**
   * Resolves when no refresh runs: one that was sent is waited for, because its answer may hold the only valid token.
   * None begins from then on.
   */
  readonly close: () => Promise<void>;
}

export interface AccessTokenParts {
  readonly store: StoredSecrets;
  /** Looks up the client's secret; a problem names its reference. */
  readonly lookUpClient: (reference: NonNullable<OAuth2Reference['clientSecret']>) => Promise<Found>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A refresh token of the server's that is not stored yet, and the one that it stands for. */
interface Unsaved {
  readonly sent: Secret;
  readonly token: Secret;
}

/** A token is refreshed when this part of its life is over, or this long before its end, whichever comes first ... */
const USED_PART = 0.8;
const BEFORE_END_MS = 60_000;
/** ... but never in its first half: a token that lives for a minute would be refreshed by every call. */
const LEAST_USED_PART = 0.5;

export function createAccessTokens({ store, lookUpClient, now }: AccessTokenParts): AccessTokens {
  const unsaved = new Map<string, Unsaved>();
  /** By name of the refresh token: the refresh that came last. */
  const last = new Map<string, Promise<unknown>>();
  let isClosed = false;

  const refresh = async (reference: OAuth2Reference): Promise<Found> => {
    const name = reference.refresh;
    if (isClosed) return missing('the gateway is stopping');
    const earlier = await saveWaiting(name, store, unsaved);
    if (typeof earlier === 'object') return missing(earlier.problem);
    const client = await clientSecretOf(reference, lookUpClient);
    if (!client.ok) return missing(`client secret: ${client.problem}`);
    const stamp = store.stamp(name);
    const sent = await store.read(name);

    const from = now();
    const { refreshToken: fresh, access } = await requestToken({
      reference,
      refreshToken: sent,
      clientSecret: client.value,
    });
    if (fresh === undefined || fresh.equals(sent)) return judge(access, from, stamp);
    unsaved.set(name, { sent, token: fresh });
    const saved = await saveWaiting(name, store, unsaved, stamp);
    if (typeof saved === 'object') return missing(saved.problem);
    // Under the old stamp where an operator set another token: these callers are served, and the next one asks anew.
    return judge(access, from, saved === 'stored' ? store.stamp(name) : stamp);
  };

  return {
    refresh: (reference) => {
      const mine = (last.get(reference.refresh) ?? Promise.resolve()).then(() => refresh(reference));
      const settled = mine.then(
        () => undefined,
        () => undefined,
      );
      last.set(reference.refresh, settled);
      return mine;
    },
    close: async () => {
      isClosed = true;
      await Promise.all(last.values());
      for (const name of unsaved.keys()) await saveWaiting(name, store, unsaved);
    },
  };
}

/**
 * Stores what a server sent and is not stored yet, in the place of what was sent for it. Where an operator has set another
 * token since, or removed it, that stands. Never rejects.
 *
 * @param stamp the store's, from before the old one was read: where it is the same there is no need to read it again, and
 * nothing delays the write
 */
async function saveWaiting(
  name: string,
  store: StoredSecrets,
  unsaved: Map<string, Unsaved>,
  stamp?: string,
): Promise<'stored' | 'none' | { readonly problem: string }> {
  const waiting = unsaved.get(name);
  if (waiting === undefined) return 'none';
  try {
    const isAsRead = stamp !== undefined && store.stamp(name) === stamp;
    // The same token encrypted anew, as after a change of the store's key, is another file.
    const stands = isAsRead || (await store.read(name)).equals(waiting.sent);
    if (stands) await store.write(name, waiting.token);
    unsaved.delete(name);
    return stands ? 'stored' : 'none';
  } catch (error) {
    if (!(error instanceof CarapaceError && error.code === 'secret-missing')) {
      return {
        problem: `the new refresh token could not be stored, and is kept in memory: ${describeThrown(error)}`,
      };
    }
    unsaved.delete(name);
    return 'none';
  }
}

async function clientSecretOf(
  { clientSecret }: OAuth2Reference,
  lookUp: AccessTokenParts['lookUpClient'],
): Promise<Found | { readonly ok: true; readonly value: null }> {
  return clientSecret === null ? { ok: true, value: null } : lookUp(clientSecret);
}

function judge(access: TokenAnswer['access'], from: number, stamp: string | undefined): Found {
  if (!access.ok) return missing(access.problem);
  const { token, lifeMs } = access;
  const usedMs = Math.max(lifeMs * LEAST_USED_PART, Math.min(lifeMs * USED_PART, lifeMs - BEFORE_END_MS));
  const keep = { from, refreshAt: from + usedMs, expiresAt: from + lifeMs, stamp: stamp ?? 'none' };
  return { ok: true, value: token, keep };
}
