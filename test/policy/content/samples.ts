/** Secrets in the shapes of real ones, made here: none is anybody's, and no file of this repository holds one in one piece. */
import { generateKeyPairSync } from 'node:crypto';
import { base62, crc32 } from '../../../src/policy/content/checksums.ts';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE64URL = `${BASE62}-_`;
const HEX = '0123456789abcdef';
const LETTERS = BASE62.slice(10);

/** Keeps parts of a sample apart in this file, so that no scanner of repositories takes it for a secret. */
const apart = (part: string): string => part;

/** Characters of an alphabet, the same in each run. */
function characters(count: number, alphabet: string, seed: number): string {
  let state = seed * 2_654_435_761 + 12_345;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return alphabet.charAt((state >>> 8) % alphabet.length);
  }).join('');
}

const word = (count: number, seed = 1): string => characters(count, BASE62, seed);
const url64 = (count: number, seed = 2): string => `${characters(count - 1, BASE64URL, seed)}x`;
const hex = (count: number, seed = 3): string => characters(count, HEX, seed);

function checked(seed: number): string {
  const random = word(30, seed);
  return random + base62(crc32(random));
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = [base64url({ alg: 'HS256', typ: 'JWT' }), base64url({ sub: '1234567890', name: 'Jo' }), url64(43)].join(
  '.',
);

const pem = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const sec1 = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'sec1', format: 'pem' },
});
const rsa = generateKeyPairSync('rsa', {
  modulusLength: 1024,
  publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});
const encrypted = generateKeyPairSync('ed25519', {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
});

function armored(label: string, dashes = '-----'): string {
  const blank = dashes.length === 4 ? ' ' : '';
  const line = (mark: string): string => `${dashes}${blank}${mark} ${label}${blank}${dashes}`;
  return [line('BEGIN'), word(64, 7), word(64, 8), `${word(20, 9)}==`, line('END')].join('\n');
}

const ppk = (version: number): string =>
  [
    `PuTTY-User-Key-${apart('File')}-${version}: ssh-ed25519`,
    'Encryption: none',
    'Comment: somebody@example',
    'Public-Lines: 2',
    word(64, 11),
    word(20, 12),
    'Private-Lines: 1',
    word(48, 13),
    `Private-MAC: ${hex(version === 2 ? 40 : 64)}`,
  ].join('\n');

const serviceAccountKey = armored(`${apart('PRIVATE')} KEY`).replaceAll('\n', String.raw`\n`);

export interface Samples {
  /** Each with what of it is taken out; the whole by default. */
  readonly secrets: readonly (string | { readonly text: string; readonly secret: string })[];
  /** What looks like one, and passes. */
  readonly lookAlikes: readonly string[];
}

const PRIVATE = `${apart('PRIVATE')} KEY`;
const aws = characters(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 5);
const awsSecret = characters(40, `${BASE62}+/`, 6);
const bot = Buffer.from('123456789012345678').toString('base64').replaceAll('=', '');

function wrong(token: string): string {
  const last = token.slice(-1);
  return token.slice(0, -1) + (last === 'a' ? 'b' : 'a');
}

/** By the detector's name. `age-secret-key` is made by age itself, in its test. */
export const SAMPLES: Readonly<Record<string, Samples>> = {
  'private-key': {
    secrets: [
      pem.privateKey.trimEnd(),
      sec1.privateKey.trimEnd(),
      rsa.privateKey.trimEnd(),
      encrypted.privateKey.trimEnd(),
      armored(`OPENSSH ${PRIVATE}`),
      armored(`PGP ${PRIVATE} BLOCK`),
      armored(`SSH2 ENCRYPTED ${PRIVATE}`, '----'),
      armored(`RSA ${PRIVATE}`).replaceAll('\n', '\r\n'),
      ppk(2),
      ppk(3),
    ],
    lookAlikes: [pem.publicKey, rsa.publicKey, armored('CERTIFICATE'), armored('PGP MESSAGE'), '-----BEGIN', '-----'],
  },
  'gcp-service-account': {
    secrets: [
      { text: `"private_key_id": "${hex(40, 52)}",`, secret: hex(40, 52) },
      { text: `"private_key": "${serviceAccountKey}",`, secret: serviceAccountKey },
    ],
    lookAlikes: [`"private_key_id": "${hex(39)}"`, `"private_key_id": "${hex(41)}"`, '"private_key": "none"'],
  },
  'github-token': {
    secrets: [
      ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((prefix, seed) => prefix + checked(seed + 20)),
      `ghr_${word(76)}`,
      `ghs_${apart('123456')}_${jwt}`,
      `github_${apart('pat')}_${word(22)}_${word(59)}`,
    ],
    lookAlikes: [`ghp_${wrong(checked(30))}`, `ghp_${word(35)}`, `ghp_${checked(31)}Z`, `github_pat_${word(22)}`],
  },
  'gitlab-token': {
    secrets: [`glpat-${url64(20)}`, `glrt-${url64(20)}`, `glpat-${url64(27)}.01.${word(9)}`, `glagent-${url64(50)}`],
    lookAlikes: ['glpat-', `glpat-${word(19)}`, 'glpat-token.in.some.configuration.file'],
  },
  'npm-token': { secrets: [`npm_${checked(40)}`], lookAlikes: [`npm_${wrong(checked(41))}`, 'npm_config_registry'] },
  'pypi-token': {
    secrets: [`pypi-${apart('AgEIcHlwaS5vcmc')}${url64(120)}`, `pypi-${apart('AgENdGVzdC5weXBpLm9yZw')}${url64(80)}`],
    lookAlikes: [`pypi-${url64(130)}`],
  },
  'aws-access-key': {
    secrets: [`AKIA${aws}`, `ASIA${aws}`],
    lookAlikes: ['AKIAIOSFODNN7EXAMPLE', `xAKIA${aws}`, `AKIA${aws}Q`, `AKIA${aws.slice(1)}1`, `AKIA${aws}_x`],
  },
  'aws-secret-key': {
    secrets: [
      { text: `aws_secret_access_key = ${awsSecret}`, secret: awsSecret },
      { text: `"SecretAccessKey": "${awsSecret}"`, secret: awsSecret },
      { text: `AWS_SECRET_ACCESS_KEY=${awsSecret}`, secret: awsSecret },
      { text: `<SecretAccessKey>${awsSecret}</SecretAccessKey>`, secret: awsSecret },
    ],
    lookAlikes: [awsSecret, `aws_secret_access_key = ${awsSecret}x`, 'aws_secret_access_key is not set'],
  },
  'google-api-key': { secrets: [`AIza${url64(35)}`], lookAlikes: [`AIza${url64(34)}`, `xAIza${url64(35)}`] },
  'digitalocean-token': {
    secrets: [`dop_v1_${hex(64)}`, `doo_v1_${hex(64)}`, `dor_v1_${hex(64)}`],
    lookAlikes: [`dop_v1_${hex(63)}`, `dop_v1_${hex(65)}`],
  },
  'vault-token': {
    secrets: [`hvs.${url64(95)}`, `hvb.${url64(150)}`],
    lookAlikes: ['hvs.example.com', `hvs.${word(10)}`],
  },
  '1password-service-account': {
    secrets: [`ops_${base64url({ signInAddress: 'example.1password.com', userAuth: word(300) })}`],
    lookAlikes: [`ops_eyJ${word(100)}`],
  },
  'slack-token': {
    secrets: [
      `xoxb-${apart('123456789012')}-${apart('1234567890123')}-${word(24)}`,
      `xoxp-${apart('123456789012')}-${apart('123456789012')}-${apart('123456789012')}-${hex(32)}`,
      `xapp-${apart('1')}-A0123456789-${apart('1234567890123')}-${hex(64)}`,
      `xoxe.${apart('xoxp')}-1-${word(163)}`,
    ],
    lookAlikes: ['xoxb-your-token-goes-in-this-place', 'xoxb-1'],
  },
  'slack-webhook': {
    secrets: [`hooks.slack.com/${apart('services')}/T01234567/B01234567/${word(24)}`],
    lookAlikes: ['hooks.slack.com/services/T00/B00/XXX'],
  },
  'stripe-key': {
    secrets: [`sk_${apart('live')}_${word(24)}`, `rk_${apart('test')}_${word(99)}`, `whsec_${word(32)}`],
    lookAlikes: ['sk_live_', `pk_live_${word(24)}`, `task_live_${word(24)}`],
  },
  'openai-key': {
    secrets: [
      `sk-${apart('proj')}-${url64(74)}T3BlbkFJ${url64(74)}`,
      `sk-${word(20)}T3BlbkFJ${word(20)}`,
      `sk-${apart('svcacct')}-${url64(58)}T3BlbkFJ${url64(58)}`,
    ],
    lookAlikes: [`sk-${word(48)}`, `sk-proj-${url64(150)}`, `desk-${word(20)}T3BlbkFJ${word(20)}`],
  },
  'anthropic-key': {
    secrets: [
      `sk-ant-${apart('api03')}-${url64(93)}AA`,
      `sk-ant-${apart('admin01')}-${url64(93)}AA`,
      `sk-ant-${apart('oat01')}-${url64(95)}`,
    ],
    lookAlikes: [`sk-ant-${word(60)}`, 'sk-ant-api03-'],
  },
  'sendgrid-key': { secrets: [`SG.${url64(22)}.${url64(43)}`], lookAlikes: [`SG.${url64(21)}.${url64(43)}`, 'SG.'] },
  'twilio-key': { secrets: [`SK${hex(32)}`], lookAlikes: [`SK${hex(31)}`, `SK${hex(33)}`, `TASK${hex(32)}`] },
  'huggingface-token': {
    secrets: [`hf_${characters(34, LETTERS, 4)}`, `api_org_${characters(34, LETTERS, 5)}`],
    lookAlikes: [`hf_${characters(33, LETTERS, 4)}`, 'hf_hub_download'],
  },
  'telegram-bot-token': {
    secrets: [`${apart('1234567890')}:AA${url64(33)}`, `${apart('12345678')}:AA${url64(33)}`],
    lookAlikes: [`1234567890:AB${url64(33)}`, `12345678901:AA${url64(33)}`, '12345678:AA'],
  },
  'discord-token': {
    secrets: [`${bot}.${url64(6)}.${url64(38)}`],
    lookAlikes: [`M${url64(23)}.${url64(6)}.${url64(38)}`, `${bot}.${url64(6)}`],
  },
  jwt: {
    secrets: [jwt],
    lookAlikes: [
      `${base64url({ typ: 'JWT' })}.${base64url({ sub: 1 })}.${url64(43)}`,
      `eyJ${word(20)}.${word(20)}.${word(20)}`,
      `${base64url({ alg: 'HS256' })}.${base64url({})}`,
    ],
  },
  'database-url': {
    secrets: [
      { text: `postgres://app:${word(16, 50)}@db.example/x`, secret: word(16, 50) },
      { text: `mongodb+srv://app:p@ss@host1,host2/db`, secret: 'p@ss' },
      { text: `redis://:${word(9, 51)}@127.0.0.1:6379/0`, secret: word(9, 51) },
    ],
    lookAlikes: ['postgres://app@db/x', 'postgres://app:***@db/x', 'mysql://u:xxxxx@db', 'redis://localhost:6379/0'],
  },
  'card-number': {
    secrets: [
      `4111${apart('1111')}11111111`,
      `4111 1111 ${apart('1111')} 1111`,
      `5555-5555-${apart('5555')}-4444`,
      `3782 822463 ${apart('10005')}`,
      `378282${apart('246310005')}`,
      `3056 930902 ${apart('5904')}`,
      `6011 1111 ${apart('1111')} 1117`,
      `2223 0031 ${apart('2200')} 3222`,
      `422222${apart('2222222')}`,
    ],
    lookAlikes: [
      '4111 1111 1111 1112',
      '4111 1111-1111 1111',
      '41111111111111111111',
      '1111111111111117',
      '0.4111111111111111',
      'x4111111111111111',
      '4111111111111111x',
      '4111 11 11 1111 1111 11',
    ],
  },
};

/** The first sample of a detector. */
export function sampleOf(name: string): string {
  const first = SAMPLES[name]?.secrets[0];
  if (first === undefined) throw new Error(`no sample of ${name}`);
  return typeof first === 'string' ? first : first.text;
}
