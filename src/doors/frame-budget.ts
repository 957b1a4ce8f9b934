/**
 * What the unfinished frames of one client may hold together, over all its channels, connections and doors. Without it
 * a client could keep a megabyte in each of its channels by never finishing a frame.
 */

/** Bytes that one client's unfinished frames share. */
export const CLIENT_FRAME_BYTES = 4 * 1024 * 1024;

/** One unfinished frame's part. */
export interface FrameShare {
  /** Sets what this frame holds. Returns false, and keeps the old size, where the client's budget is exceeded. */
  readonly resize: (bytes: number) => boolean;
  /** Gives the part back. */
  readonly close: () => void;
}

export interface FrameBudget {
  readonly open: () => FrameShare;
}

/** Makes budgets by client name: each client has one, and its frames share it. */
export function createFrameBudgets(): (client: string) => FrameBudget {
  const used = new Map<string, number>();
  return (client) => ({
    open: () => {
      let held = 0;
      const set = (bytes: number): void => {
        const total = (used.get(client) ?? 0) + bytes - held;
        held = bytes;
        if (total === 0) used.delete(client);
        else used.set(client, total);
      };
      return {
        resize: (bytes) => {
          if ((used.get(client) ?? 0) + bytes - held > CLIENT_FRAME_BYTES) return false;
          set(bytes);
          return true;
        },
        close: () => set(0),
      };
    },
  });
}
