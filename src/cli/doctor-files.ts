/** Checks of the gateway's own files. */
import { accessSync, closeSync, constants, fstatSync, lstatSync, openSync, statSync } from 'node:fs';
import { judgeFile, readTail } from '../engine/audit/file.ts';
import { findHostKey } from '../engine/host-key.ts';
import { checkTrustedDirectory, OTHERS_MAY_ANYTHING } from '../engine/safe-file.ts';
import { CarapaceError } from '../model/error.ts';
import { quoted, visible } from '../model/visible.ts';
import { fail, type Finding, type Group, info, ok, warn } from './doctor-finding.ts';
import type { Host } from './doctor-host.ts';
import { readConfig } from './read-config.ts';

export const FILES: Group = {
  title: 'files',
  checks: [
    { name: 'directory', run: gatewayDirectory },
    { name: 'carapace.yaml', run: configuration },
    { name: 'state directory', run: stateDirectory },
    { name: 'host key', run: hostKey },
    { name: 'audit log', run: auditLog },
    { name: 'operator socket', run: operatorSocket },
  ],
};

/** Whoever may write here could put other keys and policies in the place of those inside. */
function gatewayDirectory({ directory: { path } }: Host): Finding[] {
  checkTrustedDirectory(path);
  return [ok('directory', visible(path, 4096))];
}

function configuration({ directory }: Host): Finding[] {
  readConfig(directory);
  const there = statSync(directory.configFile, { throwIfNoEntry: false }) !== undefined;
  return [there ? ok('carapace.yaml', 'is valid') : info('carapace.yaml', 'is not there: all defaults are in force')];
}

function stateDirectory({ directory: { stateDirectory: path }, hasState, trust }: Host): Finding[] {
  if (!hasState) return [info('state directory', `${visible(path, 4096)} is made by the first start of the gateway`)];
  checkTrustedDirectory(path, trust);
  try {
    checkTrustedDirectory(path, { ...trust, forbiddenMode: OTHERS_MAY_ANYTHING });
  } catch (error) {
    if (!(error instanceof CarapaceError)) throw error;
    return [warn('state directory', error.message, error.hint)];
  }
  return [ok('state directory', `${visible(path, 4096)}, which only its owner can enter`)];
}

function hostKey({ directory, hasState }: Host): Finding[] {
  const key = hasState ? findHostKey(directory.stateDirectory) : undefined;
  return [
    key === undefined ? info('host key', 'is made by the first start of the gateway') : ok('host key', key.fingerprint),
  ];
}

/** Opened for reading: a running gateway writes to it. */
function auditLog({ directory: { auditFile } }: Host): Finding[] {
  if (lstatSync(auditFile, { throwIfNoEntry: false }) === undefined)
    return [info('audit log', 'is begun by the first start of the gateway')];
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const descriptor = openSync(auditFile, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    judgeFile(auditFile, stats);
    accessSync(auditFile, constants.W_OK);
    const { seq, torn } = readTail(auditFile, descriptor, stats.size);
    return [
      ok(
        'audit log',
        `${seq} ${seq === 1 ? 'record' : 'records'}${torn ? '; the last line is torn, which the next start repairs' : ''}`,
      ),
    ];
  } finally {
    closeSync(descriptor);
  }
}

function operatorSocket({ directory: { operatorSocket: path } }: Host): Finding[] {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  const where = quoted(path, 4096);
  if (!found.isSocket()) return [fail('operator socket', `${where} is no socket`, 'move it away')];
  if ((found.mode & 0o077) === 0) return [ok('operator socket', 'only its owner can open it')];
  const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
  return [fail('operator socket', `${where} has mode ${mode}: others may ask the gateway`, `run: chmod 600 ${where}`)];
}
