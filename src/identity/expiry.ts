/**
 * `expiry-time="YYYYMMDD[HHMM[SS]][Z]"` of an authorized_keys line: in UTC with a `Z`, else in the local time zone.
 */
const TIME = /^(19[7-9]\d|[2-9]\d{3})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?:([01]\d|2[0-3])([0-5]\d)([0-5]\d)?)?(Z)?$/;

/**
 * The instant in milliseconds since 1970, or undefined where the text is no existing time in that form. Never throws.
 *
 * A local time is what the clock on the wall shows. sshd (which leaves `tm_isdst` at 0) takes one in summer as winter
 * time, so there the same line ends up to an hour later: never earlier than here.
 */
export function parseExpiryTime(text: string): number | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00', zone = ''] = match;
  // Date would take 31 February as 3 March.
  if (Number(day) > daysOf(Number(year), Number(month))) return undefined;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
}

/**
 * True once the last whole second in which the key is good has passed, as sshd counts: a key that expires at 12:00:00 is
 * good throughout that second. Null never expires. `now` in milliseconds since 1970.
 */
export function isExpired(expiresAt: number | null, now: number): boolean {
  return expiresAt !== null && Math.floor(now / 1000) > Math.floor(expiresAt / 1000);
}

function daysOf(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}
