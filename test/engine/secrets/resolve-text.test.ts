import { describe, expect, it } from 'vitest';
import { foundBytes, foundText } from '../../../src/engine/secrets/resolve-text.ts';
import { expectProblem, MARK } from './resolver-fixtures.ts';

describe('a value that is text', () => {
  it.each([`${MARK}\n`, `${MARK}\r\n\r\n`, ` ${MARK} `, 'x', '☃'])('is used as it is: %j', (text) => {
    const found = foundText(text);
    expect(found.ok && found.value.reveal()).toBe(text);
  });

  it.each([
    ['', 'is empty'],
    [`${MARK}\0`, 'holds a NUL byte'],
    [`${MARK}\uD800`, 'is no valid UTF-8'],
  ])('is refused: %j', (text, problem) => {
    expectProblem(foundText(text), problem);
  });
});

describe('a value that is bytes', () => {
  it.each([
    [`${MARK}\n`, MARK],
    [`${MARK}\r\n`, MARK],
    [`${MARK}\n\n`, `${MARK}\n`],
    [`${MARK}\r`, `${MARK}\r`],
    [`a\nb\n`, 'a\nb'],
    [MARK, MARK],
  ])('loses one newline at its end: %j', (written, value) => {
    const found = foundBytes(Buffer.from(written));
    expect(found.ok && found.value.reveal()).toBe(value);
  });

  it.each([
    [Buffer.from('\n'), 'is empty'],
    [Buffer.from('\r\n'), 'is empty'],
    [Buffer.from(`${MARK}\0\n`), 'holds a NUL byte'],
    [Buffer.concat([Buffer.from(MARK), Buffer.from([0xff])]), 'is no valid UTF-8'],
  ])('is refused: %j', (bytes, problem) => {
    expectProblem(foundBytes(bytes), problem);
  });

  it.each([Buffer.from(MARK), Buffer.from([0x61, 0xff])])('leaves nothing in the buffer', (bytes) => {
    foundBytes(bytes);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });
});
