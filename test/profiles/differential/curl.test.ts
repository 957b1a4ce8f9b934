/** Curl, by the urls that it tries and by the C program that it writes of its options; it may use no protocol but `file`. */
import { describe, it } from 'vitest';
import type { ReadCall } from '../../../src/policy/profile/read-call.ts';
import { argumentLists } from './lists.ts';
import {
  ABBREVIATION,
  compare,
  expectAgreement,
  inOrder,
  isInstalled,
  operandsOf,
  type Run,
  runEach,
  type Seen,
  shippedProfile,
} from './real-tool.ts';

function valuesOf({ options }: ReadCall, name: string): string[] {
  return options.flatMap(({ spec, values }) => (spec.names.includes(name) ? values : []));
}

/** Versions differ in whether they set an empty text. */
function none(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function seenByCurl({ stdout, stderr }: Run): Seen {
  const urls = [...stdout.matchAll(/^URL<(.*)>$/gm)].map(([, url]) => url);
  if (urls.length === 0) return { refused: stderr };
  const [code = ''] = stdout.slice(stdout.indexOf('#include')).split('curl_easy_perform', 1);
  const set = (name: string): string | undefined => new RegExp(`CURLOPT_${name}, "(.*)"\\);`).exec(code)?.[1];
  const headers = [...code.matchAll(/curl_slist_append\(slist1, "(.*)"\);/g)].map(([, header]) => header);
  const agent = set('USERAGENT');
  const own = agent?.startsWith('curl/') === true ? undefined : agent;
  return { shown: [inOrder(urls), none(own), set('REFERER'), set('CUSTOMREQUEST'), set('POSTFIELDS'), headers] };
}

function curlOf(call: ReadCall): unknown {
  const last = (name: string): string | undefined => none(valuesOf(call, name).at(-1));
  const urls = inOrder([...operandsOf(call), ...valuesOf(call, '--url')]);
  const data = call.options.some(({ name }) => name === '-d' || name === '--data')
    ? valuesOf(call, '--data').join('&')
    : undefined;
  return [urls, last('--user-agent'), last('--referer'), last('--request'), data, valuesOf(call, '--header')];
}

/** It takes the beginning of a name, and `--no-` before the name of any switch. */
const CURL_TAKES = new RegExp(`${ABBREVIATION.source}|option --no-.* is not known`);

describe.skipIf(!isInstalled('curl', '--version'))('curl', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('curl');
    const values: Readonly<Record<string, readonly string[]>> = {
      '--header': ['h%: v', 'h%: -x'],
      '--max-time': ['5', '7'],
    };
    const lists = argumentLists(profile, {
      only: [
        '-A',
        '-e',
        '-H',
        '-d',
        '-X',
        '-m',
        '-s',
        '-S',
        '-f',
        '-g',
        '-k',
        '--compressed',
        '--no-keepalive',
        '--url',
      ],
      valuesOf: ({ names }) => values[names.at(-1) ?? ''] ?? ['v%', 'v%', '-x', '--', '-H', '=v', 'a=b'],
      words: ['w%', 'w%', '--', '--', '-', '', '-1', '--unknown'],
      first: ['-q --proto =file -w URL<%{url}>\\n --libcurl -'],
      after: ['z'],
      count: 120,
    });
    const runs = await runEach(['curl'], lists);
    expectAgreement(compare(profile, lists, runs.map(seenByCurl), curlOf), {
      agreed: 35,
      stricter: CURL_TAKES,
      looser: /option .*: (?:is unknown|expected)|no URL|there: $/,
    });
  });
});
