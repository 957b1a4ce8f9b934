// Redaction in this process and without a gateway: what `node bench/main.js --redact` prints. Each stream takes its turn
// with a reader that only reads in every round, behind a program that writes as fast as it can.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createRedactor } from '../dist/engine/redact/redactor.js';
import { Secret } from '../dist/model/secret.js';

/** @typedef {{ name: string, value: number, unit: string, ratio?: number, target?: string }} Row */

const CHUNK_BYTES = 64 * 1024;
/** A file of so many is written, and printed so many times. */
const CHUNKS = 128;
const TIMES = 16;
const ROUNDS = 7;
/** What keeps 0.7 of a whole path that carries 770 MB/s. */
const TARGET = 'of reading alone; at least 1800 MB/s';

/** Ten values as they are injected: short and long, one line and many. */
export function redactions() {
  const key = randomBytes(1200).toString('base64').replaceAll(/.{64}/g, '$&\n');
  const pem = `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`;
  const account = {
    type: 'service_account',
    project_id: 'example-project',
    private_key: `${pem}${randomBytes(600).toString('base64')}`,
    client_email: 'robot@example-project.iam.gserviceaccount.com',
    token_uri: 'https://oauth2.googleapis.com/token',
  };
  const token = () => randomBytes(30).toString('base64url');
  const values = [
    'hunter2!',
    pem,
    JSON.stringify(account, null, 2),
    `ghp_${token().slice(0, 36)}`,
    randomBytes(20).toString('hex'),
    `https://user:${token()}@example.com/path?query=1`,
    ...Array.from({ length: 4 }, token),
  ];
  return values.map((value, index) => ({ name: `value-${index}`, value: new Secret(value) }));
}

/** @returns {Record<string, Buffer>} what is sent, one chunk of each kind */
export function inputs() {
  const text = readFileSync(new URL('../docs/map.md', import.meta.url));
  const json = JSON.stringify(
    JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')),
    null,
    2,
  );
  const lines = randomBytes(CHUNK_BYTES).toString('base64').replaceAll(/.{76}/g, '$&\n');
  return {
    zeros: Buffer.alloc(CHUNK_BYTES),
    text: Buffer.alloc(CHUNK_BYTES, text),
    json: Buffer.from(json).subarray(0, CHUNK_BYTES),
    random: randomBytes(CHUNK_BYTES),
    base64: Buffer.from(lines).subarray(0, CHUNK_BYTES),
  };
}

/** Megabytes a second of a file's bytes that are looked at. @param {(chunk: Buffer) => readonly Buffer[]} look @param {string} file */
async function speedOf(look, file) {
  const started = performance.now();
  const program = spawn('cat', Array(TIMES).fill(file), { stdio: ['ignore', 'pipe', 'inherit'] });
  await pipeline(program.stdout, async (output) => {
    for await (const chunk of output) look(chunk);
  });
  return (TIMES * CHUNKS * CHUNK_BYTES) / 1e6 / ((performance.now() - started) / 1000);
}

/** @param {number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Milliseconds to compile one value, of the best of a few. @param {number} bytes */
function compileTime(bytes) {
  const times = Array.from({ length: 3 }, () => {
    const value = new Secret(randomBytes(bytes).toString('base64').slice(0, bytes));
    const started = performance.now();
    createRedactor([{ name: 'value', value }]);
    return performance.now() - started;
  });
  return Math.min(...times);
}

/** @returns {Promise<Row[]>} */
export async function redactRows() {
  const rows = /** @type {Row[]} */ ([]);
  const redactor = createRedactor(redactions());
  const folder = mkdtempSync(join(tmpdir(), 'bench-redact-'));
  try {
    for (const [kind, chunk] of Object.entries(inputs())) {
      const file = join(folder, kind);
      writeFileSync(file, Buffer.alloc(CHUNKS * CHUNK_BYTES, chunk));
      const [plain, redacted] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
      for (let round = 0; round < ROUNDS; round += 1) {
        plain.push(await speedOf(() => [], file));
        redacted.push(await speedOf(redactor.open(() => undefined).push, file));
      }
      const [base, value] = [median(plain), median(redacted)];
      rows.push({ name: `redaction of ${kind}, 10 values`, value, unit: 'MB/s', ratio: value / base, target: TARGET });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  for (const kib of [3, 64]) {
    rows.push({ name: `forms of a value of ${kib} KiB`, value: compileTime(kib * 1024), unit: 'ms' });
  }
  return rows;
}
