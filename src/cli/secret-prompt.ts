/**
 * Asks for secrets: on a terminal without showing what is typed, else from standard input. Never from the command line,
 * which other users of the host and the shell's history can see.
 */
import { StringDecoder } from 'node:string_decoder';
import { CarapaceError } from '../model/error.ts';
import { Secret } from '../model/secret.ts';

/** True where a person can be asked. */
export function isTerminal(): boolean {
  return process.stdin.isTTY;
}

const ENTER = /[\r\n]/;
const INTERRUPT = '\u0003';
const END_OF_INPUT = '\u0004';
const ERASE_LINE = '\u0015';
const ERASE = /[\b\u007f]/;

/**
 * Asks questions one after the other on the terminal. It shows nothing from the first question to the last answer, so
 * what is typed ahead does not appear either. Erasing works as in a shell: backspace, ctrl-U. Whatever ends it, the
 * terminal shows again what is typed; Node sees to that for SIGINT and SIGTERM, and not for SIGHUP.
 *
 * @throws CarapaceError `interrupted` for ctrl-C and ctrl-D; `bad-data` where an answer holds what keys such as the
 * arrows send
 */
export function askHidden(questions: readonly string[]): Promise<Secret[]> {
  const { stdin, stderr } = process;
  const decoder = new StringDecoder('utf8');
  const answers: Secret[] = [];
  let typed: string[] = [];
  return new Promise((resolve, reject) => {
    const finish = (error: CarapaceError | null): void => {
      process.off('SIGHUP', hangUp);
      stdin.off('data', take);
      stdin.setRawMode(false);
      stdin.pause();
      if (error === null) resolve(answers);
      else reject(error);
    };
    const hangUp = (): void => {
      try {
        finish(interrupted());
      } finally {
        // Dies of it as it would have without a prompt.
        process.kill(process.pid, 'SIGHUP');
      }
    };
    const ask = (): void => void stderr.write(`${questions[answers.length] ?? ''}: `);
    const enter = (): boolean => {
      stderr.write('\n');
      const text = typed.join('');
      typed = [];
      if (/\p{Cc}/u.test(text.replaceAll('\t', ''))) return (finish(notText()), true);
      answers.push(new Secret(text));
      if (answers.length === questions.length) return (finish(null), true);
      return (ask(), false);
    };
    const take = (chunk: Buffer): void => {
      for (const char of decoder.write(chunk)) {
        if (ENTER.test(char) && enter()) return;
        else if (char === INTERRUPT || char === END_OF_INPUT) return (stderr.write('\n'), finish(interrupted()));
        else if (ERASE.test(char)) typed.pop();
        else if (char === ERASE_LINE) typed = [];
        else if (!ENTER.test(char)) typed.push(char);
      }
    };
    process.on('SIGHUP', hangUp);
    stdin.setRawMode(true);
    ask();
    stdin.on('data', take);
    stdin.resume();
  });
}

/**
 * Asks for something new twice.
 *
 * @throws CarapaceError `bad-data` where the answers differ; as `askHidden` does
 */
export async function askTwice(what: string): Promise<Secret> {
  const [first, second] = await askHidden([what, `${what}, again`]);
  if (first !== undefined && second?.equals(first) === true) return first;
  throw new CarapaceError('bad-data', 'prompt: the two answers differ', { hint: 'try again; nothing was changed' });
}

/**
 * Reads all of standard input, without one newline at its end.
 *
 * @throws CarapaceError `bad-data` where it is larger than `maxBytes`, or no UTF-8
 */
export async function readSecretInput(maxBytes: number): Promise<Secret> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes + 2) throw badInput(`is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
    return new Secret(text.replace(/\r?\n$/, ''));
  } catch {
    throw badInput('is not UTF-8');
  }
}

function badInput(why: string): CarapaceError {
  return new CarapaceError('bad-data', `standard input: ${why}`);
}

function notText(): CarapaceError {
  return new CarapaceError('bad-data', 'prompt: the answer holds control characters', {
    hint: 'type it without arrow keys; a value of several lines is read from standard input',
  });
}

function interrupted(): CarapaceError {
  return new CarapaceError('interrupted', 'prompt: interrupted, and nothing was changed');
}
