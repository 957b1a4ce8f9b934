/** Detectors of tokens of code hosts, package registries and clouds. */
import { BASE32, BASE62, BASE64, BASE64URL, charSet, HEX, WORD } from './char-set.ts';
import { endsInCrc } from './checksums.ts';
import type { Detector } from './detector.ts';
import { candidate, lastBytes, literal, run, whole, wholeIf } from './shape.ts';

/** The random part of the tokens that end in their CRC-32. */
const CHECKED_CHARACTERS = 36;
const checked = wholeIf((token) => endsInCrc(token.slice(-CHECKED_CHARACTERS)));

const GITHUB: Detector = {
  name: 'github-token',
  what: 'GitHub: personal (classic and fine-grained), OAuth, app, installation and refresh tokens',
  checksum: 'CRC-32 in base 62 (tokens of 40 characters)',
  source:
    'github.blog, "Behind GitHub\'s new authentication token formats"; changelog of 2026-04-24 (`ghs_APPID_JWT`); docs.github.com, "Refreshing user access tokens"',
  provider: true,
  candidates: [
    candidate({
      starts: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'],
      wordStart: false,
      steps: [run(BASE62, CHECKED_CHARACTERS, CHECKED_CHARACTERS)],
      secret: checked,
    }),
    candidate({ starts: ['ghr_'], wordStart: false, steps: [run(BASE62, 76, 76)], secret: whole }),
    candidate({
      starts: ['ghs_', 'ghu_'],
      wordStart: false,
      steps: [
        run(BASE62, 1, 40),
        literal('_eyJ'),
        run(BASE64URL, 10, 2048),
        literal('.'),
        run(BASE64URL, 10, 4096),
        literal('.'),
        run(BASE64URL, 20, 1400),
      ],
      secret: whole,
    }),
    candidate({
      starts: ['github_pat_'],
      wordStart: false,
      steps: [run(BASE62, 22, 22, BASE62), literal('_'), run(BASE62, 59, 59)],
      secret: whole,
    }),
  ],
};

const GITLAB: Detector = {
  name: 'gitlab-token',
  what: 'GitLab: personal, group and project, deploy, runner, job, trigger, feed, mail, SCIM, agent and OAuth tokens',
  checksum: 'none',
  source: 'docs.gitlab.com/security/tokens, "Token prefixes"; GitLab handbook, "Routable tokens"; gitleaks gitlab-*',
  provider: true,
  candidates: [
    candidate({
      starts: [
        'glpat-',
        'gldt-',
        'glrt-',
        'glrtr-',
        'glcbt-',
        'glptt-',
        'glft-',
        'glimt-',
        'glsoat-',
        'glagent-',
        'gloas-',
      ],
      wordStart: true,
      // A routable token is `PAYLOAD.VERSION.CHECKED`: its payload alone is long enough, and no dot ends it.
      steps: [run(charSet('0-9A-Za-z_\\-.'), 20, 320)],
      secret: (token) => {
        const end = token.replace(/\.+$/, '').length;
        return /^[a-z]+-[\w-]{20}/.test(token) ? [0, end] : null;
      },
    }),
  ],
};

const NPM: Detector = {
  name: 'npm-token',
  what: 'npm: access tokens',
  checksum: 'CRC-32 in base 62',
  source: 'github.blog, "Announcing npm\'s new access token format"; gitleaks npm-access-token',
  provider: true,
  candidates: [
    candidate({
      starts: ['npm_'],
      wordStart: false,
      steps: [run(BASE62, CHECKED_CHARACTERS, CHECKED_CHARACTERS)],
      secret: checked,
    }),
  ],
};

const PYPI: Detector = {
  name: 'pypi-token',
  what: 'PyPI and TestPyPI: upload tokens',
  checksum: 'the macaroon names pypi.org or test.pypi.org',
  source: 'pypi.org/help, "API tokens"; pypitoken documentation (macaroons); gitleaks pypi-upload-token',
  provider: true,
  candidates: [
    candidate({
      starts: ['pypi-AgEIcHlwaS5vcmc', 'pypi-AgENdGVzdC5weXBpLm9yZw'],
      wordStart: false,
      steps: [run(BASE64URL, 50, 1000)],
      secret: whole,
    }),
  ],
};

const AWS_KEY: Detector = {
  name: 'aws-access-key',
  what: 'AWS: access key ids (long-term, temporary and bearer); the ids of its documentation, which end in EXAMPLE, pass',
  checksum: 'none',
  source: 'AWS IAM user guide, "IAM identifiers", unique id prefixes; gitleaks aws-access-token',
  provider: true,
  candidates: [
    candidate({
      starts: ['AKIA', 'ASIA', 'ABIA', 'ACCA'],
      wordStart: true,
      steps: [run(BASE32, 16, 16, WORD)],
      secret: wholeIf((id) => !id.endsWith('EXAMPLE')),
    }),
  ],
};

const AWS_SECRET: Detector = {
  name: 'aws-secret-key',
  what: 'AWS: secret access keys behind their name, in the forms of configuration files, environments, JSON, XML and tables',
  checksum: 'none',
  source: 'AWS CLI user guide, "Configuration and credential file settings"; trufflehog aws detector (40 characters)',
  provider: true,
  candidates: [
    candidate({
      starts: [
        'aws_secret_access_key',
        'AWS_SECRET_ACCESS_KEY',
        'SecretAccessKey',
        'secretAccessKey',
        'secret_access_key',
      ],
      wordStart: false,
      steps: [run(charSet(' \\t"\'\\\\:=>|'), 1, 64), run(BASE64, 40, 40, charSet('0-9A-Za-z+/='))],
      secret: (matched) => (matched.endsWith('EXAMPLEKEY') ? null : lastBytes(40)(matched)),
    }),
  ],
};

const GOOGLE: Detector = {
  name: 'google-api-key',
  what: 'Google: API keys',
  checksum: 'none',
  source: 'cloud.google.com, "Manage API keys"; GitHub secret scanning google_api_key; gitleaks gcp-api-key',
  provider: true,
  candidates: [candidate({ starts: ['AIza'], wordStart: true, steps: [run(BASE64URL, 35, 35)], secret: whole })],
};

const DIGITALOCEAN: Detector = {
  name: 'digitalocean-token',
  what: 'DigitalOcean: personal, OAuth and refresh tokens',
  checksum: 'none',
  source: 'docs.digitalocean.com, "How to create a personal access token"; gitleaks digitalocean-*',
  provider: true,
  candidates: [
    candidate({
      starts: ['dop_v1_', 'doo_v1_', 'dor_v1_'],
      wordStart: true,
      steps: [run(HEX, 64, 64, WORD)],
      secret: whole,
    }),
  ],
};

const VAULT: Detector = {
  name: 'vault-token',
  what: 'HashiCorp Vault: service, batch and recovery tokens of version 1.10 and later',
  checksum: 'none',
  source: 'developer.hashicorp.com/vault/docs/concepts/tokens, "Token prefixes"; gitleaks vault-*',
  provider: true,
  candidates: [
    candidate({
      starts: ['hvs.', 'hvb.', 'hvr.'],
      wordStart: true,
      steps: [run(BASE64URL, 24, 512)],
      secret: wholeIf((token) => /[0-9]/.test(token) && /[A-Z]/.test(token)),
    }),
  ],
};

const ONEPASSWORD: Detector = {
  name: '1password-service-account',
  what: '1Password: tokens of service accounts',
  checksum: 'the start decodes to JSON',
  source: 'developer.1password.com/docs/service-accounts; gitleaks 1password-service-account-token',
  provider: true,
  candidates: [
    candidate({
      starts: ['ops_eyJ'],
      wordStart: true,
      steps: [run(charSet('0-9A-Za-z+/=_\\-'), 250, 2048)],
      secret: wholeIf((token) => Buffer.from(token.slice(4, 16), 'base64').toString('latin1').startsWith('{"')),
    }),
  ],
};

export const HOST_DETECTORS: readonly Detector[] = [
  GITHUB,
  GITLAB,
  NPM,
  PYPI,
  AWS_KEY,
  AWS_SECRET,
  GOOGLE,
  DIGITALOCEAN,
  VAULT,
  ONEPASSWORD,
];
