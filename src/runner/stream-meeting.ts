/**
 * Brings a start command and its stream connections together. They come over different sockets, so in any order.
 *
 * Invariant: what is kept for a call that never becomes complete is bounded in number and in time.
 */
import type { Socket } from 'node:net';
import type { StartCommand } from './command.ts';

/** A gateway opens all of a call's connections at once; who takes longer is gone, or is no gateway. */
const MEETING_DEADLINE_MS = 10_000;
/** Calls that may be incomplete at a time: with both sides of one machine each is incomplete for about a millisecond. */
const MAX_MEETINGS = 1024;

/** A call's sockets, each unread, by the descriptor that it is to become; 0 is undefined under `stdin: none`. */
export interface ToolStreams {
  readonly 0: Socket | undefined;
  readonly 1: Socket;
  readonly 2: Socket;
}

export interface StreamMeeting {
  /** Takes over a paused socket; destroys one that nobody needs. */
  readonly bringStream: (token: string, descriptor: 0 | 1 | 2, socket: Socket) => void;
  readonly bringCommand: (command: StartCommand) => void;
}

export interface MeetingEvents {
  /** All are there; the receiver owns the streams now. */
  readonly complete: (command: StartCommand, streams: ToolStreams) => void;
  /** The command came, and cannot be carried out. */
  readonly failed: (command: StartCommand, code: string) => void;
}

interface Meeting {
  readonly sockets: [Socket | undefined, Socket | undefined, Socket | undefined];
  readonly deadline: NodeJS.Timeout;
  command: StartCommand | undefined;
}

/** Starts with no meetings; timers do not keep the process alive. */
export function createStreamMeeting(events: MeetingEvents): StreamMeeting {
  const meetings = new Map<string, Meeting>();

  const abandon = (token: string, meeting: Meeting, code: string): void => {
    meetings.delete(token);
    clearTimeout(meeting.deadline);
    for (const socket of meeting.sockets) socket?.destroy();
    if (meeting.command !== undefined) events.failed(meeting.command, code);
  };
  const meetingOf = (token: string): Meeting | undefined => {
    const known = meetings.get(token);
    if (known !== undefined) return known;
    if (meetings.size >= MAX_MEETINGS) return undefined;
    const deadline = setTimeout(() => abandon(token, meeting, 'ETIMEDOUT'), MEETING_DEADLINE_MS).unref();
    const meeting: Meeting = { sockets: [undefined, undefined, undefined], deadline, command: undefined };
    meetings.set(token, meeting);
    return meeting;
  };
  const proceed = (token: string, meeting: Meeting): void => {
    const { command, sockets } = meeting;
    const [stdin, stdout, stderr] = sockets;
    if (command === undefined || stdout === undefined || stderr === undefined) return;
    if (command.stdin === 'stream' && stdin === undefined) return;
    meetings.delete(token);
    clearTimeout(meeting.deadline);
    events.complete(command, { 0: stdin, 1: stdout, 2: stderr });
  };
  return {
    bringStream: (token, descriptor, socket) => {
      const meeting = meetingOf(token);
      if (meeting === undefined || meeting.sockets[descriptor] !== undefined) {
        socket.destroy();
        return;
      }
      meeting.sockets[descriptor] = socket;
      proceed(token, meeting);
    },
    bringCommand: (command) => {
      const meeting = meetingOf(command.token);
      if (meeting === undefined || meeting.command !== undefined) {
        events.failed(command, meeting === undefined ? 'EAGAIN' : 'EEXIST');
        return;
      }
      meeting.command = command;
      proceed(command.token, meeting);
    },
  };
}
