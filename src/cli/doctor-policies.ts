/** Checks of who may call, and what: clients' keys, policies, and the programs that they name. */
import { formatPlace } from '../policy/explain.ts';
import { visible } from '../model/visible.ts';
import type { Problem } from '../model/problem.ts';
import { fail, type Finding, type Group, info, ok, warn } from './doctor-finding.ts';
import type { Host } from './doctor-host.ts';

export const POLICIES: Group = {
  title: 'clients and policies',
  checks: [
    { name: 'clients', run: clients },
    { name: 'policies', run: policies },
    { name: 'problems', run: ({ problems }) => problems.map(problemFinding) },
    { name: 'unused policies', run: unusedPolicies },
  ],
};

function clients({ snapshot, command }: Host): Finding[] {
  if (snapshot.clients.size === 0)
    return [
      info('clients', 'there is none with a usable key', `${command('client add NAME --policy POLICY')} lets one in`),
    ];
  return [ok('clients', `${count(snapshot.clients.size, 'client')}, ${count(snapshot.keys.size, 'usable key')}`)];
}

function policies({ snapshot, tools, command }: Host): Finding[] {
  if (tools === null)
    return [fail('policies', 'do not load: a gateway would not start with them', 'mend what is named below')];
  if (tools.length === 0)
    return [
      info(
        'policies',
        'there is no tool in them: nothing is allowed',
        `${command('policy add')} lists some to start from`,
      ),
    ];
  const number = snapshot.policies.size;
  return [ok('policies', `${number} ${number === 1 ? 'policy' : 'policies'}, ${count(tools.length, 'tool')}`)];
}

/** What the gateway says when it loads them, programs included, and what `policy check` says beyond. */
function problemFinding(problem: Problem): Finding {
  const { severity, place, path, message } = problem;
  const subject = `${visible(formatPlace(place), 4096)}:${place.column}`;
  const text = path === '' ? message : `${visible(path)}: ${message}`;
  return severity === 'error' ? fail(subject, text) : warn(subject, text);
}

function unusedPolicies({ snapshot, command }: Host): Finding[] {
  const used = new Set([...snapshot.keys.values()].flatMap((key) => key.policies));
  return [...snapshot.policies.values()]
    .filter(({ name }) => !used.has(name))
    .map(({ name, file }) =>
      info(
        visible(file, 4096),
        'no key uses it',
        `${command(`client set NAME --policy ${visible(name)}`)}, with its other policies, gives it to a client; else remove the file`,
      ),
    );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
