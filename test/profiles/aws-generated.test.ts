/** The profile of aws is what its script makes of the models, and what it judges holds whatever the models say. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadProfile } from '../../src/policy/profile/load-profile.ts';
import { type Command, commandsBelow, type OptionSpec, type Profile } from '../../src/policy/profile/profile.ts';
import { typeName } from '../../src/policy/profile/value-type.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/profiles/aws.js', import.meta.url));
const COMMITTED = readFileSync(new URL('../../src/profiles/aws.yaml', import.meta.url), 'utf8');
/** Where Debian's awscli has its models. */
const OLDER = '/usr/lib/python3/dist-packages/awscli/botocore/data';

function make(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const made = spawnSync(process.execPath, [SCRIPT, '--print', ...args], { encoding: 'utf8', maxBuffer: 1 << 24 });
  return { status: made.status, stdout: made.stdout, stderr: made.stderr };
}

function load(text: string): Profile {
  const loaded = loadProfile({ name: 'aws', file: 'aws.yaml', text });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.profile;
}

const profile = load(COMMITTED);
const commands = [...commandsBelow(profile.root)].filter(({ path }) => path.length > 0);
const nameOf = ({ path }: Command): string => path.join(' ');
const safe = commands.filter((command) => command.class === 'safe');

function at(path: string): Command | undefined {
  return path.split(' ').reduce<Command | undefined>((command, word) => command?.children.get(word), profile.root);
}

/** What a parser has to know of an option. */
function form({ arity, negatable, types }: OptionSpec): string {
  return `${arity} ${negatable ? 'negatable ' : ''}${types.map(typeName).join(' ')}`;
}

describe('the profile of aws', () => {
  const made = make();
  const hasModels = !made.stderr.includes('name a folder with --models');

  it.skipIf(!hasModels)('is what its script makes of the models that it names', () => {
    expect(made.status, made.stderr).toBe(0);
    expect(made.stdout === COMMITTED, 'run node scripts/profiles/aws.js').toBe(true);
  });

  it.skipIf(!existsSync(OLDER))('knows every option that older models have', () => {
    const older = load(make('--models', OLDER).stdout);
    const unknown = [...commandsBelow(older.root)].flatMap((command) =>
      [...command.options].flatMap(([name, option]) => {
        const known = at(nameOf(command))?.options.get(name);
        return command.path.length === 0 || (known !== undefined && form(known) === form(option))
          ? []
          : [`${nameOf(command)} ${name}`];
      }),
    );
    expect(unknown).toEqual([]);
  });

  it('says that it is generated, and is small enough to load', () => {
    expect(COMMITTED).toMatch(/^# aws: .*Made by scripts\/profiles\/aws\.js/);
    expect(COMMITTED).toContain('\ngenerated: scripts/profiles/aws.js\n');
    expect(Buffer.byteLength(COMMITTED)).toBeLessThan(600 * 1024);
    expect(commands.length).toBeGreaterThan(4000);
  });

  it('lets a wildcard stand for nothing that writes, by its name', () => {
    const writes =
      /^(?:accept|add|assume|attach|cancel|change|copy|create|delete|deploy|detach|disable|enable|execute|import|invoke|modify|publish|put|reboot|register|reject|remove|reset|restore|revoke|run|send|set|start|stop|submit|tag|terminate|untag|update|upload)(?:-|$)/;
    // printed while they come in: reads all the same
    const listens = ['logs start-live-tail'];
    expect(safe.map(nameOf).filter((name) => writes.test(name.split(' ')[1] ?? '') && !listens.includes(name))).toEqual(
      [],
    );
  });

  it.each([
    'apigateway get-usage-plan-keys',
    'appsync list-api-keys',
    'athena get-session-endpoint',
    'cloudcontrol get-resource',
    'cloudfront sign',
    'codeartifact get-authorization-token',
    'codebuild batch-get-projects',
    'codepipeline get-job-details',
    'cognito-identity get-credentials-for-identity',
    'cognito-idp describe-identity-provider',
    'cognito-idp describe-user-pool-client',
    'configure export-credentials',
    'configure get',
    'ec2 describe-instance-attribute',
    'ec2 describe-launch-template-versions',
    'ec2 describe-vpn-connections',
    'ec2 get-console-output',
    'ec2 get-password-data',
    'ec2-instance-connect ssh',
    'ecr get-authorization-token',
    'ecr get-login-password',
    'ecs describe-task-definition',
    'ecs execute-command',
    'eks get-token',
    'eks update-kubeconfig',
    'glue get-connections',
    'history show',
    'iam create-access-key',
    'kms decrypt',
    'kms generate-data-key',
    'lambda get-function',
    'lambda list-functions',
    'lightsail get-instance-access-details',
    'rds generate-db-auth-token',
    'redshift get-cluster-credentials',
    's3 cp',
    's3 presign',
    's3api get-object',
    's3control get-data-access',
    'secretsmanager batch-get-secret-value',
    'secretsmanager get-secret-value',
    'ssm get-access-token',
    'ssm get-parameter',
    'ssm get-parameters-by-path',
    'ssm send-command',
    'ssm start-session',
    'sso get-role-credentials',
    'stepfunctions get-activity-task',
    'sts assume-role',
    'sts get-federation-token',
    'sts get-session-token',
  ])('lets no wildcard stand for %s', (path) => {
    expect(at(path)?.class).toMatch(/^(?:executes|mutates|prints-secret|writes-file)$/);
  });

  it.each([
    'cloudformation describe-stacks',
    'cloudwatch get-metric-statistics',
    'dynamodb query',
    'ec2 describe-instances',
    'ec2 wait instance-running',
    'ecs describe-tasks',
    'elbv2 describe-listeners',
    'iam list-users',
    'logs filter-log-events',
    'rds describe-db-instances',
    's3 ls',
    's3api list-objects-v2',
    'secretsmanager list-secrets',
    'ssm describe-parameters',
    'sts get-caller-identity',
  ])('lets a wildcard stand for %s', (path) => {
    expect(at(path)?.class).toBe('safe');
  });

  it('has no value of an operation that could be a file, or fetched, unseen', () => {
    const judged = new Set([
      'v',
      'd',
      'link',
      'upload',
      'download',
      'region',
      'integer',
      's3-uri',
      's3-source',
      's3-target',
    ]);
    const others = commands.flatMap((command) =>
      [...command.options.values()]
        .flatMap(({ names, types }) => types.map((type) => [names[0] ?? '', typeName(type)] as const))
        .filter(([, type]) => !judged.has(type) && !type.includes('|'))
        .map(([name, type]) => `${name} <${type}>`),
    );
    // no parameters of a service: aws does not look into these for file://, or does not take them
    expect([...new Set(others)].sort()).toEqual([
      '--acl <word>',
      '--checksum-algorithm <word>',
      '--checksum-mode <word>',
      '--exclude <text>',
      '--format <word>',
      '--iam-endpoint <url>',
      '--include <text>',
      '--request-payer <word>',
      '--sse-c <word>',
      '--sse-c-copy-source <word>',
      '--storage-class <word>',
    ]);
  });

  it('has no option of an operation that aws would take for one of its own', () => {
    const globals = [...profile.root.options.keys()];
    const taken = commands.flatMap((command) =>
      [...command.options.values()]
        .filter(
          (option) =>
            option.class === 'safe' && globals.some((name) => option.names.some((each) => name.startsWith(each))),
        )
        .map(({ names }) => `${nameOf(command)} ${names.join(', ')}`),
    );
    expect(taken).toEqual([]);
  });
});
