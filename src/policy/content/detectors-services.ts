/** Detectors of tokens of services for people and programs: chat, mail, payment, language models. */
import { BASE62, BASE64URL, charSet, DIGITS, WORD } from './char-set.ts';
import type { Detector } from './detector.ts';
import { candidate, literal, readSteps, run, type Shape, whole, wholeIf, BEGINS_WORD } from './shape.ts';

const DASHED = charSet('0-9A-Za-z\\-');

const SLACK: Detector = {
  name: 'slack-token',
  what: 'Slack: bot, user, app-level, configuration, refresh and legacy tokens',
  checksum: 'none',
  source: 'docs.slack.dev/authentication/tokens; gitleaks slack-*',
  provider: true,
  candidates: [
    candidate({
      starts: ['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xoxo-', 'xoxe-', 'xoxe.xoxb-', 'xoxe.xoxp-', 'xapp-'],
      wordStart: true,
      steps: [run(DASHED, 20, 512)],
      secret: wholeIf((token) => /^[a-z.]+-[0-9]/.test(token.replace('xoxe.xox', 'xox'))),
    }),
  ],
};

const SLACK_WEBHOOK: Detector = {
  name: 'slack-webhook',
  what: 'Slack: addresses of incoming webhooks and workflows',
  checksum: 'none',
  source: 'docs.slack.dev/messaging/sending-messages-using-incoming-webhooks; gitleaks slack-webhook-url',
  provider: true,
  candidates: [
    candidate({
      starts: ['hooks.slack.com/services/', 'hooks.slack.com/workflows/', 'hooks.slack.com/triggers/'],
      wordStart: true,
      steps: [run(charSet('0-9A-Za-z+/'), 40, 80)],
      secret: whole,
    }),
  ],
};

const STRIPE: Detector = {
  name: 'stripe-key',
  what: 'Stripe: secret and restricted keys, live and test, and signing secrets of webhooks',
  checksum: 'none',
  source: 'docs.stripe.com/keys; GitHub secret scanning stripe_*; gitleaks stripe-access-token',
  provider: true,
  candidates: [
    candidate({
      starts: ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'sk_prod_', 'rk_prod_'],
      wordStart: true,
      steps: [run(BASE62, 16, 247, WORD)],
      secret: whole,
    }),
    candidate({ starts: ['whsec_'], wordStart: true, steps: [run(BASE62, 32, 64, WORD)], secret: whole }),
  ],
};

/** In the middle of each key: base64 of "OpenAI". */
const OPENAI_MARK = 'T3BlbkFJ';

const OPENAI: Detector = {
  name: 'openai-key',
  what: 'OpenAI: project, service account, admin and legacy keys',
  checksum: 'the mark `T3BlbkFJ` in the middle',
  source: 'GitHub secret scanning openai_api_key; gitleaks openai-api-key',
  provider: true,
  candidates: [
    candidate({
      starts: ['sk-proj-', 'sk-svcacct-', 'sk-admin-'],
      wordStart: true,
      steps: [run(BASE64URL, 40, 256)],
      secret: wholeIf((key) => key.includes(OPENAI_MARK)),
    }),
    candidate({
      starts: ['sk-'],
      wordStart: true,
      steps: [run(BASE62, 48, 48, BASE64URL)],
      secret: wholeIf((key) => key.slice(23, 31) === OPENAI_MARK),
      tellingBytes: 12,
    }),
  ],
};

const ANTHROPIC: Detector = {
  name: 'anthropic-key',
  what: 'Anthropic: API, admin and OAuth keys',
  checksum: 'none',
  source: 'docs.claude.com, "API overview"; GitHub secret scanning anthropic_*; gitleaks anthropic-*',
  provider: true,
  candidates: [
    candidate({
      starts: ['sk-ant-'],
      wordStart: true,
      steps: [run(BASE64URL, 40, 256)],
      secret: wholeIf((key) => /^sk-ant-[a-z]{1,12}[0-9]{2}-/.test(key)),
    }),
  ],
};

const SENDGRID: Detector = {
  name: 'sendgrid-key',
  what: 'SendGrid: API keys',
  checksum: 'none',
  source: 'twilio.com/docs/sendgrid, "API keys" (69 characters); gitleaks sendgrid-api-token',
  provider: true,
  candidates: [
    candidate({
      starts: ['SG.'],
      wordStart: true,
      steps: [run(BASE64URL, 22, 22), literal('.'), run(BASE64URL, 43, 43)],
      secret: whole,
    }),
  ],
};

const TWILIO: Detector = {
  name: 'twilio-key',
  what: 'Twilio: ids of API keys',
  checksum: 'none',
  source: 'twilio.com/docs/glossary/what-is-a-sid; GitHub secret scanning twilio_api_key; gitleaks twilio-api-key',
  provider: true,
  candidates: [
    candidate({
      starts: ['SK'],
      wordStart: true,
      steps: [run(charSet('0-9a-f'), 32, 32, WORD)],
      secret: whole,
      tellingBytes: 10,
    }),
  ],
};

const HUGGINGFACE: Detector = {
  name: 'huggingface-token',
  what: 'Hugging Face: user and organisation tokens',
  checksum: 'none',
  source: 'huggingface.co/docs/hub/security-tokens; gitleaks huggingface-*',
  provider: true,
  candidates: [
    candidate({
      starts: ['hf_', 'api_org_'],
      wordStart: true,
      steps: [run(charSet('A-Za-z'), 34, 34, WORD)],
      secret: whole,
    }),
  ],
};

/** A bot's number, then what is secret. */
const TELEGRAM_SHAPE: Omit<Shape, 'starts' | 'wordStart'> = {
  steps: [run(DIGITS, 8, 10), literal(':AA'), run(BASE64URL, 33, 33)],
  secret: whole,
  tellingBytes: 13,
};

const TELEGRAM: Detector = {
  name: 'telegram-bot-token',
  what: 'Telegram: tokens of bots',
  checksum: 'none',
  source: 'core.telegram.org/bots/api, "Authorizing your bot"; gitleaks telegram-bot-api-token',
  provider: true,
  candidates: [
    {
      start: { pattern: `[0-9](?=[0-9]{7,9}:|[0-9]{0,9}$)${BEGINS_WORD}`, first: DIGITS },
      read: (text, at) => readSteps(TELEGRAM_SHAPE, text, at, at),
    },
  ],
};

/** Base64 of the bot's number, of the time, and a code of authentication. */
const DISCORD_SHAPE: Omit<Shape, 'starts' | 'wordStart'> = {
  steps: [run(BASE64URL, 23, 28), literal('.'), run(BASE64URL, 6, 7), literal('.'), run(BASE64URL, 27, 40)],
  secret: wholeIf((token) =>
    /^[0-9]{17,20}$/.test(Buffer.from(token.split('.')[0] ?? '', 'base64').toString('latin1')),
  ),
  tellingBytes: 30,
};

const DISCORD: Detector = {
  name: 'discord-token',
  what: 'Discord: tokens of bots',
  checksum: 'the first part decodes to a number',
  source: 'docs.discord.com/developers/reference, "Authentication"; trufflehog discordbottoken; gitleaks discord-*',
  provider: true,
  candidates: [
    {
      start: { pattern: `[MNO](?=[\\w-]{22}|[\\w-]{0,21}$)${BEGINS_WORD}(?<!-[^])`, first: charSet('MNO') },
      read: (text, at) => readSteps(DISCORD_SHAPE, text, at, at),
    },
  ],
};

export const SERVICE_DETECTORS: readonly Detector[] = [
  SLACK,
  SLACK_WEBHOOK,
  STRIPE,
  OPENAI,
  ANTHROPIC,
  SENDGRID,
  TWILIO,
  HUGGINGFACE,
  TELEGRAM,
  DISCORD,
];
