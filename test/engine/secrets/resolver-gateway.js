// Plays a gateway in a process of its own: looks up one access token with the store of a state directory, says how far it
// has come, and stays where it is told to, until it is killed. Plain JavaScript on compiled code: there is no loader in a
// process of its own.
import { writeSync } from 'node:fs';
import { createResolver } from '../../../dist/engine/secrets/resolver.js';
import { openSecretStore } from '../../../dist/engine/secrets/store.js';

const [stateDirectory, tokenUrl, stayAt] = process.argv.slice(2);
const store = openSecretStore({
  stateDirectory,
  credentialsDirectory: undefined,
  askPassphrase: () => Promise.reject(),
});

/** Says where it is; never comes back from where it is to stay. */
async function at(step) {
  writeSync(1, `${step}\n`);
  if (step !== stayAt) return;
  setInterval(() => {}, 60_000);
  await new Promise(() => {});
}

const slowly = {
  read: async (name) => {
    const value = await store.read(name);
    await at('before the request');
    return value;
  },
  write: async (name, value) => {
    await at('before the write');
    await store.write(name, value);
    await at('after the write');
  },
  stamp: store.stamp,
};
const resolver = createResolver({ store: slowly, env: {}, credentialsDirectory: undefined });
const client = { clientId: 'client', clientSecret: null, clientAuth: 'basic' };
const found = await resolver.resolve({ kind: 'oauth2', tokenUrl, ...client, refresh: 'grant', scope: null });
await at(found.ok === true ? 'done' : found.problem);
