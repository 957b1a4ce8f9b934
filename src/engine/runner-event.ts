/** Checks what a runner says: it may run as another user, and among that user's tools. */
import type { RunnerEvent, RunnerHello } from '../model/runner-messages.ts';

/** The event of one line; undefined for anything that no runner sends. Never throws. */
export function parseEvent(line: string): RunnerEvent | undefined {
  const value = parseObject(line);
  if (value?.['type'] === 'hello') return parseHello(value);
  const token = value?.['token'];
  return value === undefined || typeof token !== 'string' ? undefined : parseCallEvent(token, value);
}

function parseCallEvent(token: string, value: Record<string, unknown>): RunnerEvent | undefined {
  switch (value['type']) {
    case 'started':
      return isInteger(value['pid'], 1, 2 ** 31) ? { type: 'started', token, pid: value['pid'] } : undefined;
    case 'exited':
      return parseExit(token, value['status'], value['signal']);
    case 'pong':
      return { type: 'pong', token };
    case 'refused':
      return parseRefusal(token, value['code'], value['message']);
    default:
      return undefined;
  }
}

/** What of /proc/PID/status is read; longer than it is with the most groups that a user may be in. */
const MAX_STATUS_CHARS = 1024 * 1024;

function parseHello({ pid, status, place }: Record<string, unknown>): RunnerHello | undefined {
  if (!isInteger(pid, 1, 2 ** 31) || typeof status !== 'string' || status.length > MAX_STATUS_CHARS) return undefined;
  const found = place === null ? null : parsePlace(place);
  return found === undefined ? undefined : { type: 'hello', pid, status, place: found };
}

function parsePlace(place: unknown): RunnerHello['place'] | undefined {
  const { empty, homes } = isObject(place) ? place : {};
  const { path, dev, ino } = isObject(empty) ? empty : {};
  if (!isPath(homes) || !isPath(path) || !isNumber(dev) || !isNumber(ino)) return undefined;
  return { empty: { path, dev, ino }, homes };
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('/') && !value.includes('\0');
}

function isNumber(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9]{1,20}$/.test(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function parseExit(token: string, status: unknown, signal: unknown): RunnerEvent | undefined {
  if (signal === null && isInteger(status, 0, 255)) return { type: 'exited', token, status, signal };
  const isSignal = typeof signal === 'string' && /^SIG[A-Z0-9]{2,10}$/.test(signal);
  return status === null && isSignal ? { type: 'exited', token, status, signal } : undefined;
}

function parseRefusal(token: string, code: unknown, message: unknown): RunnerEvent | undefined {
  if (typeof code !== 'string' || typeof message !== 'string') return undefined;
  return { type: 'refused', token, code, message };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}
