// `npm run bench`: every candidate takes its turn in every round, so that what else the machine does falls on all alike;
// what counts are the ratios within one run. Options: --rounds N (default 30), --bytes N (default 1 GiB), --json,
// --policy for decisions and loading alone, --redact for redaction alone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { policyRows } from './decisions.js';
import { openLab } from './lab.js';
import { redactRows } from './redact.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '30' },
    bytes: { type: 'string', default: String(1024 ** 3) },
    json: { type: 'boolean', default: false },
    policy: { type: 'boolean', default: false },
    redact: { type: 'boolean', default: false },
  },
});
const ROUNDS = Number(values.rounds);
const BYTES = Number(values.bytes);
const require = createRequire(import.meta.url);
/** @type {{ name: string, value: number, unit: string, ratio?: number, target?: string }[]} */
const rows = [];

/** @typedef {{ file: string, args: string[], env: NodeJS.ProcessEnv }} Command */

/**
 * Runs a command to its end and returns milliseconds.
 * @param {Command} command
 * @param {{ input?: number }} [options] bytes of zeros for its stdin
 */
async function time({ file, args, env }, { input } = {}) {
  const started = performance.now();
  const source =
    input === undefined
      ? undefined
      : spawn('head', ['-c', String(input), '/dev/zero'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const child = spawn(file, args, { env, stdio: [source?.stdout ?? 'ignore', 'ignore', 'inherit'] });
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: status ${status}`);
  return performance.now() - started;
}

/** @param {number[]} values */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/**
 * Interleaves candidates and returns each one's median milliseconds.
 * @param {Record<string, () => Promise<number>>} candidates
 * @param {number} rounds
 */
async function interleave(candidates, rounds) {
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (const run of Object.values(candidates)) await run();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, run] of Object.entries(candidates)) times[name]?.push(await run());
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
}

/** @param {string} text */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

progress('decisions ...');
if (!values.redact) rows.push(...policyRows());
progress('redaction ...');
if (!values.policy) rows.push(...(await redactRows()));
if (values.policy || values.redact) {
  progress('');
  print();
  process.exit();
}
const lab = await openLab(BYTES);
try {
  progress('warm and cold calls ...');
  const calls = await interleave(
    {
      ping: () => time(lab.ssh('gateway', 'ping')),
      gateway: () => time(lab.ssh('gateway', 'true')),
      shim: () => time(lab.shim()),
      ...(lab.hasSshd ? { sshd: () => time(lab.ssh('sshd', 'true')) } : {}),
      cold: () => time(lab.ssh('cold-gateway', 'true')),
      ...(lab.hasSshd ? { coldSshd: () => time(lab.ssh('cold-sshd', 'true')) } : {}),
    },
    ROUNDS,
  );
  const { ping = 0, gateway = 0, shim = 0, sshd, cold = 0, coldSshd } = calls;
  rows.push({ name: 'warm ssh ping (multiplexed)', value: ping, unit: 'ms' });
  rows.push({ name: 'warm ssh true', value: gateway, unit: 'ms', ...ratio(gateway, sshd, 'of sshd, at most 1.0') });
  rows.push({ name: 'warm shim true', value: shim, unit: 'ms', ...ratio(shim, sshd, 'of sshd, at most 1.0') });
  rows.push({ name: 'shim over bare ping', value: shim - ping, unit: 'ms', target: 'at most 20' });
  if (sshd !== undefined) rows.push({ name: 'warm sshd true', value: sshd, unit: 'ms' });
  rows.push({ name: 'cold ssh true', value: cold, unit: 'ms', ...ratio(cold, coldSshd, 'of sshd, at most 0.25') });
  if (coldSshd !== undefined) rows.push({ name: 'cold sshd true', value: coldSshd, unit: 'ms' });

  progress('throughput ...');
  const rssBefore = residentMiB(lab.gatewayPid);
  const size = String(BYTES);
  const through = await interleave(
    {
      down: () => time(lab.ssh('cold-gateway', `head -c ${size} /dev/zero`)),
      ...(lab.hasSshd ? { downSshd: () => time(lab.ssh('cold-sshd', `head -c ${size} /dev/zero`)) } : {}),
      up: () => time(lab.ssh('cold-gateway', 'wc -c'), { input: BYTES }),
      ...(lab.hasSshd ? { upSshd: () => time(lab.ssh('cold-sshd', 'wc -c'), { input: BYTES }) } : {}),
    },
    3,
  );
  const speed = (/** @type {number | undefined} */ ms) => (ms === undefined ? undefined : BYTES / 1e6 / (ms / 1000));
  for (const [label, ms, other] of /** @type {const} */ ([
    ['stdout', through['down'], through['downSshd']],
    ['stdin', through['up'], through['upSshd']],
  ])) {
    rows.push({
      name: `${label} throughput`,
      value: speed(ms) ?? 0,
      unit: 'MB/s',
      ...ratio(speed(ms) ?? 0, speed(other), 'of sshd, at least 0.9'),
    });
    if (other !== undefined) rows.push({ name: `${label} throughput of sshd`, value: speed(other) ?? 0, unit: 'MB/s' });
  }
  progress('throughput with secrets ...');
  const { plain = 0, redacted = 0 } = await interleave(
    { plain: () => time(lab.print('print')), redacted: () => time(lab.print('print-redacted')) },
    5,
  );
  rows.push({
    name: 'stdout with 10 secrets redacted',
    value: speed(redacted) ?? 0,
    unit: 'MB/s',
    ...ratio(plain, redacted, 'over without, at least 0.7'),
  });
  rows.push({
    name: 'gateway memory, grown by',
    value: residentMiB(lab.gatewayPid) - rssBefore,
    unit: 'MiB',
    target: 'under 64',
  });

  progress('calls a second ...');
  for (const concurrency of [1, 8, 32]) {
    const rates = await callRates(concurrency);
    rows.push({
      name: `calls a second, ${concurrency} at once`,
      value: rates.gateway,
      unit: '/s',
      ...ratio(rates.gateway, rates.spawn, 'of bare spawn, at least 0.8 at 32'),
    });
    rows.push({ name: `bare spawn, ${concurrency} at once`, value: rates.spawn, unit: '/s' });
  }
  progress('');
  print();
} finally {
  lab.close();
}

/** @param {number} value @param {number | undefined} base @param {string} target */
function ratio(value, base, target) {
  return base === undefined ? { target: `${target} (no sshd here)` } : { ratio: value / base, target };
}

/** Calls a second over one connection with that many channels at once, and of `spawn` in this process, in turns. @param {number} concurrency */
async function callRates(concurrency) {
  const { Client } = require('ssh2');
  const client = new Client();
  client.connect({
    host: '127.0.0.1',
    port: lab.gatewayPort,
    username: 'carapace',
    privateKey: readFileSync(lab.keyFile),
  });
  await once(client, 'ready');
  client.setNoDelay(true);
  const viaGateway = () =>
    new Promise((resolve, reject) => {
      client.exec('true', (/** @type {Error | undefined} */ error, /** @type {any} */ stream) => {
        if (error) return reject(error);
        stream.resume();
        stream.on('close', (/** @type {number} */ code) =>
          code === 0 ? resolve(undefined) : reject(new Error(`status ${code}`)),
        );
      });
    });
  const bare = async () => {
    const child = spawn('/bin/true', [], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.resume();
    child.stderr.resume();
    await once(child, 'close');
  };
  /** @param {() => Promise<unknown>} call */
  const rate = async (call) => {
    const until = performance.now() + 1000;
    let done = 0;
    const worker = async () => {
      while (performance.now() < until) {
        await call();
        done += 1;
      }
    };
    const started = performance.now();
    await Promise.all(Array.from({ length: concurrency }, worker));
    return done / ((performance.now() - started) / 1000);
  };
  const rates = { gateway: /** @type {number[]} */ ([]), spawn: /** @type {number[]} */ ([]) };
  for (let round = 0; round < 3; round += 1) {
    rates.gateway.push(await rate(viaGateway));
    rates.spawn.push(await rate(bare));
  }
  client.end();
  return { gateway: median(rates.gateway), spawn: median(rates.spawn) };
}

/** @param {number} pid */
function residentMiB(pid) {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0; // no /proc on this system
  }
}

function print() {
  const native = require('ssh2/lib/protocol/crypto.js').bindingAvailable === true ? 'native addon' : 'JavaScript';
  if (values.json) {
    process.stdout.write(
      `${JSON.stringify({ node: process.version, cryptography: native, rounds: ROUNDS, bytes: BYTES, rows })}\n`,
    );
    return;
  }
  process.stdout.write(
    `node ${process.version}, ssh2's packet cryptography in ${native}; medians of ${ROUNDS} rounds, ${BYTES} bytes\n\n`,
  );
  for (const { name, value, unit, ratio: times, target } of rows) {
    const share = times === undefined ? '' : `${times.toFixed(2)} x`;
    process.stdout.write(
      `${name.padEnd(34)} ${value.toFixed(1).padStart(9)} ${unit.padEnd(5)} ${share.padStart(8)}  ${target ?? ''}\n`,
    );
  }
}
