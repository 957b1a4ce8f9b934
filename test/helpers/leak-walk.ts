/**
 * Looks for secrets where none may be: in all that a gateway said and left behind. `TestGateway.stop` does so for every
 * gateway of the tests.
 */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsePrivateKey } from '../../src/identity/private-key.ts';

/** Something that was written: a file, a log, an answer. */
export interface Place {
  readonly name: string;
  readonly bytes: Buffer;
}

/** A value that has to stay secret. */
export interface Kept {
  /** Stands for it in what is found: no message of a test holds a secret either. */
  readonly name: string;
  readonly value: string | Buffer;
  /** Names of the places where it belongs. */
  readonly belongs?: readonly string[];
}

/** What is shorter stands in logs by chance. */
const LEAST_BYTES = 8;
/** A line of a value in several lines says enough of it from this length on. */
const LEAST_LINE_BYTES = 16;

/**
 * Every place that holds one of the values, or a line of one: in the clear, as text in JSON, in base64 at any alignment, or
 * in hex. Each as `PLACE: NAME in FORM`.
 *
 * @throws Error for a value that is too short to be looked for
 */
export function findLeaks(kept: readonly Kept[], places: readonly Place[]): string[] {
  return kept.flatMap(({ name, value, belongs = [] }) => {
    const forms = formsOf(name, Buffer.from(value));
    return places
      .filter((place) => !belongs.includes(place.name))
      .flatMap(({ name: place, bytes }) =>
        [...forms].flatMap(([form, texts]) =>
          texts.some((text) => bytes.includes(text)) ? [`${place}: ${name} in ${form}`] : [],
        ),
      );
  });
}

function formsOf(name: string, value: Buffer): Map<string, readonly Buffer[]> {
  if (value.length < LEAST_BYTES) throw new Error(`leak walk: ${name} is too short to be looked for`);
  const lines = value.toString('latin1').split('\n');
  const parts = [
    value,
    ...lines.map((line) => Buffer.from(line, 'latin1')).filter((l) => l.length >= LEAST_LINE_BYTES),
  ];
  return new Map([
    ['the clear', parts],
    ['JSON', parts.map(inJson).filter((text, index) => parts[index]?.equals(text) === false)],
    ['base64', parts.flatMap((part) => [0, 1, 2].flatMap((before) => inBase64(part, before)))],
    [
      'hex',
      parts.flatMap((part) => [part.toString('hex'), part.toString('hex').toUpperCase()].map((h) => Buffer.from(h))),
    ],
  ]);
}

function inJson(part: Buffer): Buffer {
  return Buffer.from(JSON.stringify(part.toString()).slice(1, -1));
}

/** What stands in base64 of anything that has the value behind that many bytes (modulo three), in both alphabets. */
function inBase64(value: Buffer, before: number): Buffer[] {
  const bits = { from: before * 8, to: (before + value.length) * 8 };
  const shifted = Buffer.concat([Buffer.alloc(before), value]);
  return (['base64', 'base64url'] as const).map((alphabet) =>
    Buffer.from(shifted.toString(alphabet).slice(Math.ceil(bits.from / 6), Math.floor(bits.to / 6))),
  );
}

/** All files below a directory, but the homes of tools: what those write is theirs. */
export function filesBelow(directory: string, under = ''): Place[] {
  if (under === 'home/' || !existsSync(join(directory, under))) return [];
  return readdirSync(join(directory, under)).flatMap((entry) => {
    const name = `${under}${entry}`;
    const status = lstatSync(join(directory, name), { throwIfNoEntry: false });
    if (status?.isDirectory() === true) return filesBelow(directory, `${name}/`);
    return status?.isFile() === true ? [{ name, bytes: readFileSync(join(directory, name)) }] : [];
  });
}

/** A gateway's own keys: the seed of its host key, and the identity of its store where that is a file in the clear. */
export function ownKeys(files: readonly Place[]): Kept[] {
  const read = (name: string): string => files.find((file) => file.name === name)?.bytes.toString() ?? '';
  const hostKey = parsePrivateKey(read('host_key'))?.export({ format: 'jwk' }).d;
  const identity = /^AGE-SECRET-KEY-\S+$/m.exec(read('secrets.key'))?.[0];
  return [
    ...(hostKey === undefined
      ? []
      : [{ name: 'host key', value: Buffer.from(hostKey, 'base64url'), belongs: ['host_key'] }]),
    ...(identity === undefined ? [] : [{ name: 'store key', value: identity, belongs: ['secrets.key'] }]),
  ];
}
