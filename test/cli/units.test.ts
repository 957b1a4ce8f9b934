import { expect, it } from 'vitest';
import { formatBytes, formatDuration } from '../../src/cli/units.ts';

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1_572_864, '1.5 MiB'],
  [1024 ** 4, '1.0 TiB'],
  [1024 ** 5, '1024.0 TiB'],
  [Number.NaN, '?'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

it.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [3400, '3.4 s'],
  [310_000, '5 m 10 s'],
  [7_500_000, '2 h 5 m'],
  [273_600_000, '3 d 4 h'],
])('%d ms are %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
