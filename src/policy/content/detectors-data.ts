/** Detectors of what no one provider issues: JSON web tokens, passwords in database urls, card numbers. */
import { CARD_NUMBER } from './card-number.ts';
import { BASE64URL, charSet } from './char-set.ts';
import type { Detector } from './detector.ts';
import { candidate, literal, run, type Shape, wholeIf } from './shape.ts';

/** What a header of HTTP carries in practice: servers refuse longer ones. */
const MAX_PAYLOAD_CHARACTERS = 8192;

const JWT: Detector = {
  name: 'jwt',
  what: 'JSON web tokens and signatures (JWS) in the compact form',
  checksum: 'the header decodes to JSON with an `alg`',
  source: 'RFC 7515, section 7.1; RFC 7519; gitleaks jwt',
  provider: false,
  candidates: [
    candidate({
      starts: ['eyJ'],
      wordStart: true,
      steps: [
        run(BASE64URL, 12, 2048),
        literal('.'),
        run(BASE64URL, 4, MAX_PAYLOAD_CHARACTERS),
        literal('.'),
        run(BASE64URL, 16, 1400),
      ],
      secret: wholeIf(hasJoseHeader),
    }),
  ],
};

function hasJoseHeader(token: string): boolean {
  const header = Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString();
  try {
    const parsed: unknown = JSON.parse(header);
    return typeof parsed === 'object' && parsed !== null && 'alg' in parsed && typeof parsed.alg === 'string';
  } catch {
    return false;
  }
}

const SCHEMES =
  'postgres postgresql mysql mariadb mongodb mongodb+srv redis rediss amqp amqps mssql sqlserver clickhouse'.split(' ');

/** What an authority of a url can hold (RFC 3986, section 3.2), and what people leave unescaped in passwords. */
const AUTHORITY = charSet('!$%&()*+,\\-.0-9:;=@A-Z\\[\\]\\^_a-z{}~\\x80-\\xff');

/** The password of `user:password@host`, from the first colon to the last `@`; null for none, or for one that is masked. */
const password: Shape['secret'] = (matched) => {
  const start = matched.indexOf('://') + 3;
  const from = matched.indexOf(':', start) + 1;
  const to = matched.lastIndexOf('@');
  if (from === 0 || from >= to || matched.slice(start, from).includes('@')) return null;
  return /^(?:\*+|[xX]{3,})$/.test(matched.slice(from, to)) ? null : [from, to];
};

const DATABASE_URL: Detector = {
  name: 'database-url',
  what: `Passwords in urls of databases and queues (${SCHEMES.join(', ')}); a masked one (\`***\`, \`xxx\`) passes`,
  checksum: 'none',
  source: 'RFC 3986, section 3.2.1; PostgreSQL manual, "Connection URIs"; trufflehog postgres, mongodb, redis, uri',
  provider: false,
  candidates: [
    candidate({
      starts: SCHEMES.map((scheme) => `${scheme}://`),
      wordStart: true,
      steps: [run(AUTHORITY, 3, 1024)],
      secret: password,
    }),
  ],
};

const CARD: Detector = {
  name: 'card-number',
  what: 'Numbers of payment cards, in one run or in the printed groups with spaces or dashes',
  checksum: 'Luhn, and the first digits and lengths of the brands',
  source: 'ISO/IEC 7812-1; Wikipedia, "Payment card number" (ranges by brand)',
  provider: false,
  candidates: [CARD_NUMBER],
};

export const DATA_DETECTORS: readonly Detector[] = [JWT, DATABASE_URL, CARD];
