/**
 * Connections to upstreams: kept, reused, bounded in number.
 *
 * Invariants: a connection goes to the host and port of the policy, at an address that was looked at; a server is believed
 * only with a certificate for that host; no redirect is followed, and no variable of the environment changes any of that.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent as HttpAgent, type ClientRequest, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { errnoOf, messageOf } from '../../model/error.ts';
import type { Upstream } from '../../model/http.ts';
import { addressProblem, pinnedLookup, type ResolveName } from './pinned-lookup.ts';

/** Connections to one upstream: above what all clients' limits let run, and far below what a process may open. */
const MAX_SOCKETS = 512;
/** Connections kept for the next request. */
const MAX_IDLE_SOCKETS = 16;
/** Servers close idle connections after 5 s or more; a request on one that is just being closed would be lost. */
const IDLE_MS = 4000;
const MAX_HEADER_BYTES = 64 * 1024;

/** What the gateway proves itself with, in PEM. Revealed: to be handed on, and kept in no field. */
export interface ClientIdentity {
  readonly certificate: string;
  readonly key: string;
}

/** A way to one upstream. */
export interface UpstreamLink {
  /** Begins a request without any header; the caller sets them all, `Host` too, and attends to its events. */
  readonly request: (method: string, path: string) => ClientRequest;
}

export type OpenedUpstream =
  | { readonly ok: true; readonly link: UpstreamLink }
  /** For the operator's log; holds nothing of a secret. */
  | { readonly ok: false; readonly problem: string };

export interface Upstreams {
  /** The way to an upstream, its connections shared by all requests for it with the same identity. Never rejects. */
  readonly open: (upstream: Upstream, identity: ClientIdentity | null) => Promise<OpenedUpstream>;
  /** Connections that are open now: used and idle ones. */
  readonly connections: () => number;
  /** Ends every connection. */
  readonly close: () => void;
}

/** `resolve` is for tests; the system's resolver if absent. */
export function createUpstreams(resolve?: ResolveName): Upstreams {
  const agents = new Map<string, HttpAgent>();
  const agentOf = (upstream: Upstream, trust: Trust): HttpAgent => {
    const { protocol, host, port, allowPrivate } = upstream;
    const key = JSON.stringify([protocol, host, port, allowPrivate, trust.digest]);
    const known = agents.get(key);
    if (known !== undefined) return known;
    // Those of policies that are no more, and of certificates that were replaced.
    for (const [old, agent] of agents) if (socketsOf(agent) === 0) agents.delete(old);
    const agent = createAgent(upstream, trust, resolve);
    agents.set(key, agent);
    return agent;
  };
  const open: Upstreams['open'] = async (upstream, identity) => {
    const refused = addressProblem(upstream);
    if (refused !== undefined) return { ok: false, problem: refused };
    try {
      const agent = agentOf(upstream, await readTrust(upstream, identity));
      return { ok: true, link: { request: (method, path) => begin(upstream, agent, method, path) } };
    } catch (thrown) {
      return { ok: false, problem: `its certificates cannot be used: ${errnoOf(thrown) ?? messageOf(thrown)}` };
    }
  };
  return {
    open,
    connections: () => [...agents.values()].reduce((sum, agent) => sum + socketsOf(agent), 0),
    close: () => {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

/** The certificates that decide a connection, and a digest that is the same only for the same ones. */
interface Trust {
  readonly digest: string;
  readonly certificates: { readonly ca?: Buffer; readonly cert?: string; readonly key?: string };
}

/** Read each time: a certificate that was renewed counts from the next connection on. */
async function readTrust({ protocol, caFile }: Upstream, identity: ClientIdentity | null): Promise<Trust> {
  if (protocol === 'http:') return { digest: '', certificates: {} };
  const ca = caFile === null ? undefined : await readFile(caFile);
  const own = identity === null ? {} : { cert: identity.certificate, key: identity.key };
  return {
    digest: digestOf([ca ?? '', own.cert ?? '', own.key ?? '']),
    certificates: { ...(ca === undefined ? {} : { ca }), ...own },
  };
}

function digestOf(parts: readonly (Buffer | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}

function createAgent(upstream: Upstream, trust: Trust, resolve: ResolveName | undefined): HttpAgent {
  const options = {
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    maxFreeSockets: MAX_IDLE_SOCKETS,
    // Closes idle ones only: a request that takes longer is told, and nobody listens.
    timeout: IDLE_MS,
    noDelay: true,
    lookup: pinnedLookup(upstream, resolve),
  };
  if (upstream.protocol === 'http:') return new HttpAgent(options);
  return new HttpsAgent({
    ...options,
    // Said, because NODE_TLS_REJECT_UNAUTHORIZED would decide otherwise.
    rejectUnauthorized: true,
    // An address is no name to ask for (RFC 6066, section 3); it is looked for in the certificate all the same.
    servername: isIP(upstream.host) === 0 ? upstream.host : '',
    secureContext: secureContextOf(trust),
  });
}

/** Made here, so that the private key is in no option that the agent keeps. */
function secureContextOf({ certificates }: Trust): SecureContext {
  // Said, because NODE_OPTIONS may lower the default.
  return createSecureContext({ ...certificates, minVersion: 'TLSv1.2' });
}

function begin({ protocol, host, port }: Upstream, agent: HttpAgent, method: string, path: string): ClientRequest {
  const request = protocol === 'http:' ? requestHttp : requestHttps;
  return request({
    agent,
    host,
    port,
    method,
    path,
    setHost: false,
    insecureHTTPParser: false,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
}

function socketsOf({ sockets, freeSockets, requests }: HttpAgent): number {
  const lists = [sockets, freeSockets, requests].flatMap((table) =>
    Object.values<readonly unknown[] | undefined>(table),
  );
  return lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
}
