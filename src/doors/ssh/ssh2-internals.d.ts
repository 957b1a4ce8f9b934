/**
 * The parts of ssh2 1.17.0 that `transport.ts` stands on. They are not ssh2's public interface: the package is pinned
 * exactly, and test/doors/ssh/ssh2-pin.test.ts compares the hashes of these files.
 */
declare module 'ssh2/lib/protocol/Protocol.js' {
  interface Negotiated {
    readonly kex: string;
    readonly serverHostKey: string;
    readonly cs: { readonly cipher: string };
  }
  interface Config {
    readonly server: true;
    readonly hostKeys: Readonly<Record<string, unknown>>;
    readonly ident: string;
    readonly offer: {
      kex: string[];
      serverHostKey: string[];
      cs: { cipher: string[]; mac: string[]; compress: string[]; lang: string[] };
      sc: { cipher: string[]; mac: string[]; compress: string[]; lang: string[] };
    };
    readonly onWrite: (bytes: Buffer) => void;
    readonly onError: (error: Error) => void;
    readonly onHeader: () => void;
    readonly onHandshakeComplete: (negotiated: Negotiated) => void;
    readonly messageHandlers: Readonly<Record<string, never>>;
  }
  export default class Protocol {
    constructor(config: Config);
    start: () => void;
    parse: (chunk: Buffer, from: number, to: number) => void;
    cleanup: () => void;
    rekey: () => void;
    /** A number is how far the chunk is parsed; undefined: parse on. */
    _onPayload: (payload: Buffer) => number | undefined;
    _onHandshakeComplete: (negotiated: Negotiated) => void;
    _kexinit: Buffer | undefined;
    _queue: Buffer[] | undefined;
    _kex: { sessionID: Buffer; remoteExtInfoEnabled: boolean } | undefined;
    _decipher: { inSeqno: number } | undefined;
    _packetRW: {
      write: {
        allocStart: number;
        allocStartKEX: number;
        alloc: (length: number, duringKex?: boolean) => Buffer;
        finalize: (packet: Buffer, duringKex?: boolean) => Buffer;
      };
    };
  }
}

declare module 'ssh2/lib/protocol/utils.js' {
  import type Protocol from 'ssh2/lib/protocol/Protocol.js';
  const utils: { sendPacket: (protocol: Protocol, packet: Buffer, bypassQueue?: boolean) => boolean };
  export default utils;
}

declare module 'ssh2/lib/protocol/crypto.js' {
  const crypto: { readonly init: Promise<void> };
  export default crypto;
}

declare module 'ssh2/lib/protocol/keyParser.js' {
  const keyParser: { parseKey: (text: string) => unknown };
  export default keyParser;
}
