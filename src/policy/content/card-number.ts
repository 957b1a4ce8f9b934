/**
 * Numbers of payment cards: 13 to 19 digits in one run, or in the groups that cards are printed in, between which stands
 * the same space or dash. The first digits are a brand's, the last one is right (ISO/IEC 7812-1).
 */
import { DIGITS, WORD } from './char-set.ts';
import { passesLuhn } from './checksums.ts';
import { type Candidate, NO, type Reading, type Span, BEGINS_WORD } from './shape.ts';

/** First digits and lengths by brand, as the brands publish them; those that are no longer issued are left out. */
const BRANDS = [
  /^4(?:\d{12}|\d{15}|\d{18})$/, // Visa
  /^(?:5[1-5]\d{14}|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12})$/, // Mastercard
  /^3[47]\d{13}$/, // American Express
  /^(?:30[0-5]|309|36\d|3[89]\d)\d{11,16}$/, // Diners Club
  /^(?:6011|64[4-9]\d|65\d\d)\d{12,15}$/, // Discover
  /^35(?:2[89]|[3-8]\d)\d{12,15}$/, // JCB
  /^62\d{14,17}$/, // UnionPay
  /^(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{9,15}$/, // Maestro
];

/** How the digits are grouped, longer ones first; none of them stops inside of a longer run of digits. */
const GROUPINGS = [
  /^\d{13,19}(?!\d)/,
  /^\d{4}([ -])\d{4}\1\d{4}\1\d{4}\1\d{3}(?!\d)/,
  /^\d{4}([ -])\d{4}\1\d{4}\1(?:\d{4}|\d)(?!\d)/,
  /^\d{4}([ -])\d{6}\1\d{4,5}(?!\d)/,
];
/** What may still become one of these. */
const UNFINISHED =
  /^(?:\d{0,19}|\d{4}([ -])(?:\d{0,4}|\d{4}\1(?:\d{0,4}|\d{4}\1(?:\d{0,4}|\d{4}\1\d{0,3}))|\d{5,6}|\d{6}\1\d{0,5}))$/;
/** The longest number, its separators, and what follows. */
const LOOK_BYTES = 19 + 4 + 1;

/** Begins where a number does: first digits of a brand and three more, and nothing of a word or a fraction before them. */
export const CARD_NUMBER: Candidate = {
  start: {
    pattern: `(?:[3-6]|2(?=[2-7]|$))(?=[0-9]{3}(?:[0-9]|[ -][0-9])|[0-9]{0,3}$|[0-9]{3}[ -]$)${BEGINS_WORD}(?<!\\.[^])`,
    first: DIGITS,
  },
  read: readCardNumber,
};

function readCardNumber(text: string, at: number): Reading {
  const near = text.slice(at, at + LOOK_BYTES);
  const number = GROUPINGS.map((grouping) => grouping.exec(near)?.[0]).find(
    (found) => found !== undefined && WORD[near.charCodeAt(found.length)] !== 1 && isCard(found),
  );
  const span: Span | null = number === undefined ? null : { start: at, end: at + number.length, block: null };
  if (UNFINISHED.test(near)) return { kind: 'more', soFar: span, telling: false };
  return span === null ? NO : { kind: 'match', span };
}

function isCard(number: string): boolean {
  const digits = number.replaceAll(/[ -]/g, '');
  return BRANDS.some((brand) => brand.test(digits)) && passesLuhn(digits);
}
