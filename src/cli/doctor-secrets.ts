/** Checks of the secret store: who can reach it, and whether what is in it can be opened. No value is shown. */
import { statSync } from 'node:fs';
import { OTHERS_MAY_ANYTHING, readTrustedFile } from '../engine/safe-file.ts';
import { findIdentity, identityPaths, type IdentityPlace } from '../engine/secrets/identity.ts';
import { createKeyringOpener } from '../engine/secrets/identity-keyring.ts';
import { missingIdentity } from '../engine/secrets/identity-recipient.ts';
import type { SecretEntry } from '../engine/secrets/store-list.ts';
import { secretsDirectory } from '../engine/secrets/store-lock.ts';
import { readUsage } from '../engine/secrets/usage.ts';
import { CarapaceError, messageOf } from '../model/error.ts';
import { visible } from '../model/visible.ts';
import { fail, type Finding, type Group, info, ok, warn } from './doctor-finding.ts';
import { canOpen, checkStoreDirectory, type Host, isStoreTrusted } from './doctor-host.ts';
import { references } from './doctor-references.ts';
import { referencesOf } from './secret-uses.ts';

export const SECRETS: Group = {
  title: 'secrets',
  checks: [
    { name: 'store', run: storeDirectory },
    { name: 'identity', run: identity },
    { name: 'stored secrets', run: storedSecrets },
    { name: 'references', run: references },
    { name: 'failures', run: failures },
  ],
};

function storeDirectory(host: Host): Finding[] {
  const { directory, store, command } = host;
  if (statSync(secretsDirectory(directory.stateDirectory), { throwIfNoEntry: false }) === undefined)
    return [info('store', 'is empty', `${command('secret set NAME')} makes it`)];
  checkStoreDirectory(host);
  const { length } = store.list();
  return [
    ok('store', `${length} ${length === 1 ? 'secret' : 'secrets'}, in a directory that only its owner can enter`),
  ];
}

async function identity(host: Host): Promise<Finding[]> {
  const {
    directory: { stateDirectory },
    credentialsDirectory,
    trust,
    store,
    command,
  } = host;
  const place: IdentityPlace = { stateDirectory, credentialsDirectory };
  const source = findIdentity(place);
  const where = visible(source.path, 4096);
  if (source.kind === 'none') {
    if (store.list().length === 0) return [];
    if (isElsewhere(stateDirectory))
      return [info('identity', "is a credential of the gateway's unit: not checked here")];
    throw missingIdentity(place);
  }
  if (source.kind === 'passphrase') {
    readTrustedFile(source.path, { ...trust, forbiddenMode: OTHERS_MAY_ANYTHING });
    return [info('identity', `${where} takes a passphrase: what it opens is not checked here`)];
  }
  const ring = await createKeyringOpener(place, () => Promise.reject(new Error('no passphrase'))).open();
  if (ring !== null && ring.all.length > 1)
    return [warn('identity', `${where}: a rotation was not finished`, `run again: ${command('secret rotate-key')}`)];
  return [ok('identity', `${where}, which only its owner can read`)];
}

/** Its recipient is noted where new secrets are encrypted without it. */
function isElsewhere(stateDirectory: string): boolean {
  return statSync(identityPaths(stateDirectory).recipient, { throwIfNoEntry: false }) !== undefined;
}

async function storedSecrets(host: Host): Promise<Finding[]> {
  // Each would be refused for the same reason, which was said of the store.
  if (!isStoreTrusted(host)) return [];
  const uses = host.tools === null ? null : referencesOf([...host.snapshot.policies.values()]);
  return Promise.all(
    host.store.list().map(async (entry): Promise<Finding> => {
      const problem = await problemOf(entry, host);
      if (problem !== undefined) return problem;
      const subject = `secret ${entry.name}`;
      const [found, opened] = canOpen(host) ? [ok, 'can be decrypted'] : [info, 'is there, and not opened here'];
      if (uses === null) return found(subject, opened);
      const policies = uses.get(entry.name) ?? [];
      if (policies.length > 0) return found(subject, `${opened}; needed by ${visible(policies.join(', '), 1000)}`);
      return info(
        subject,
        `${opened}; no policy refers to it`,
        `if nobody needs it: ${host.command(`secret remove ${entry.name}`)}`,
      );
    }),
  );
}

async function problemOf({ name, problem }: SecretEntry, host: Host): Promise<Finding | undefined> {
  const subject = `secret ${visible(name)}`;
  if (problem !== null) return fail(subject, problem, 'calls that need it fail; set it again, or remove its file');
  if (!canOpen(host)) return undefined;
  try {
    await host.store.read(name);
    return undefined;
  } catch (error) {
    if (!(error instanceof CarapaceError)) return fail(subject, visible(messageOf(error), 1000));
    return fail(subject, error.message.replace(/^secret '[^']*': /, ''), error.hint);
  }
}

/** What a gateway noted when calls needed secrets. What worked since is no news, and neither is what nobody needs. */
function failures({ directory: { stateDirectory }, tools, snapshot }: Host): Finding[] {
  const uses = tools === null ? null : referencesOf([...snapshot.policies.values()]);
  return [...readUsage(stateDirectory)].flatMap(([name, { usedAt, failure }]) =>
    // RFC 3339 times of one zone sort as text.
    failure === null || failure.at <= (usedAt ?? '') || uses?.has(name) === false
      ? []
      : [warn(`secret ${visible(name)}`, `failed at ${visible(failure.at)}: ${visible(failure.problem, 1000)}`)],
  );
}
