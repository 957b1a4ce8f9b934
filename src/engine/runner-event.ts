/** Checks what a runner says: it may run as another user, and among that user's tools. */
import type { RunnerEvent } from '../model/runner-messages.ts';

/** The event of one line; undefined for anything that no runner sends. Never throws. */
export function parseEvent(line: string): RunnerEvent | undefined {
  const value = parseObject(line);
  const token = value?.['token'];
  if (value === undefined || typeof token !== 'string') return undefined;
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
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}
