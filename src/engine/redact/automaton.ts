/**
 * An Aho-Corasick automaton: reads bytes one by one and knows at each the longest piece of input so far that begins a
 * form (A. Aho, M. Corasick, Efficient string matching, CACM 18(6), 1975). One that is given 64 KiB long forms stays
 * small, because a node's first child is the next node: only the nodes after which forms part have entries in a table.
 */

/** A form and whose it is. */
export interface Pattern {
  readonly bytes: Uint8Array;
  /** The owner that counts where two have the same form is that of the first. */
  readonly owner: number;
}

/** The state in which nothing has begun. */
export const ROOT = 0;

const NO_CHILD = -1;

export class Automaton {
  /** Length of the longest beginning of a form that the input so far ends with, by state. */
  readonly depth: Int32Array;
  /** The same among beginnings that are at least half of the shortest form they begin. 0: there is none. */
  readonly halfDepth: Int32Array;
  /** The longest whole form that the input ends with, as the state after it; ROOT: none. */
  readonly match: Int32Array;
  readonly #rootChildren = new Int32Array(256);
  /** The byte that leads to the next node; NO_CHILD: none does. */
  readonly #chain: Int16Array;
  /** The children of a node besides that one, by byte. */
  readonly #branches = new Map<number, Map<number, number>>();
  readonly #isBranching: Uint8Array;
  readonly #fail: Int32Array;
  readonly #owners = new Map<number, number>();
  /** Per form, in order: the first node behind those that it added, and its owner. */
  readonly #added: { readonly end: number; readonly owner: number }[] = [];
  #size = 1;

  constructor(patterns: readonly Pattern[]) {
    const room = patterns.reduce((sum, { bytes }) => sum + bytes.length, 1);
    const [chain, branching, depth, shortest] = [
      new Int16Array(room).fill(NO_CHILD),
      new Uint8Array(room),
      new Int32Array(room),
      new Int32Array(room),
    ];
    this.#chain = chain;
    this.#isBranching = branching;
    this.depth = depth;
    for (const pattern of patterns) this.#insert(pattern, shortest);
    // Forms begin alike: what they share was not needed.
    this.#chain = chain.slice(0, this.#size);
    this.#isBranching = branching.slice(0, this.#size);
    this.depth = depth.slice(0, this.#size);
    this.#fail = new Int32Array(this.#size);
    this.match = new Int32Array(this.#size);
    this.halfDepth = new Int32Array(this.#size);
    this.#link(shortest);
  }

  /** Number of states. */
  get size(): number {
    return this.#size;
  }

  /** Whose form a state of `match` is. */
  ownerOf(state: number): number {
    return this.#owners.get(state) ?? 0;
  }

  /** Whose form began `halfDepth` bytes ago: of several that begin alike, the first. ROOT has none. */
  halfOwnerOf(state: number): number {
    const depth = this.halfDepth[state] ?? 0;
    let half = state;
    while ((this.depth[half] ?? 0) > depth) half = this.#fail[half] ?? ROOT;
    return this.#added.find(({ end }) => half < end)?.owner ?? 0;
  }

  /** The state after one more byte. A state in which no form can go on is left by `settle`. */
  step(state: number, byte: number): number {
    let from = state;
    for (;;) {
      if (from === ROOT) return this.#rootChildren[byte] ?? ROOT;
      if (this.#chain[from] === byte) return from + 1;
      if (this.#isBranching[from] === 1) {
        const child = this.#branches.get(from)?.get(byte);
        if (child !== undefined) return child;
      }
      from = this.#fail[from] ?? ROOT;
    }
  }

  /** The state without what cannot go on: the longest beginning of a form that is not yet a whole one. */
  settle(state: number): number {
    let live = state;
    while (live !== ROOT && this.#chain[live] === NO_CHILD && this.#isBranching[live] === 0) {
      live = this.#fail[live] ?? ROOT;
    }
    return live;
  }

  #insert({ bytes, owner }: Pattern, shortest: Int32Array): void {
    let node = ROOT;
    for (const byte of bytes) {
      node = this.#childOf(node, byte) ?? this.#addChild(node, byte);
      const known = shortest[node] ?? 0;
      shortest[node] = known === 0 ? bytes.length : Math.min(known, bytes.length);
    }
    if (!this.#owners.has(node)) this.#owners.set(node, owner);
    this.#added.push({ end: this.#size, owner });
  }

  #childOf(node: number, byte: number): number | undefined {
    const child = node === ROOT ? this.#rootChildren[byte] : this.#branches.get(node)?.get(byte);
    if (node !== ROOT && this.#chain[node] === byte) return node + 1;
    return child === ROOT ? undefined : child;
  }

  #addChild(node: number, byte: number): number {
    const child = this.#size;
    this.#size += 1;
    this.depth[child] = (this.depth[node] ?? 0) + 1;
    if (node === ROOT) this.#rootChildren[byte] = child;
    else if (child === node + 1) this.#chain[node] = byte;
    else this.#branch(node, byte, child);
    return child;
  }

  #branch(node: number, byte: number, child: number): void {
    const children = this.#branches.get(node) ?? new Map<number, number>();
    children.set(byte, child);
    this.#branches.set(node, children);
    this.#isBranching[node] = 1;
  }

  /** Breadth first, so that what a state falls back to is complete before the state itself. */
  #link(shortest: Int32Array): void {
    const queue = new Int32Array(this.#size);
    let length = 0;
    const visit = (parent: number, byte: number, child: number): void => {
      this.#complete(child, parent === ROOT ? ROOT : this.step(this.#fail[parent] ?? ROOT, byte), shortest);
      queue[length] = child;
      length += 1;
    };
    this.#rootChildren.forEach((child, byte) => {
      if (child !== ROOT) visit(ROOT, byte, child);
    });
    for (let read = 0; read < length; read += 1) {
      const node = queue[read] ?? ROOT;
      const chained = this.#chain[node] ?? NO_CHILD;
      if (chained !== NO_CHILD) visit(node, chained, node + 1);
      for (const [byte, child] of this.#branches.get(node) ?? []) visit(node, byte, child);
    }
  }

  #complete(node: number, fail: number, shortest: Int32Array): void {
    const depth = this.depth[node] ?? 0;
    this.#fail[node] = fail;
    this.match[node] = this.#owners.has(node) ? node : (this.match[fail] ?? ROOT);
    this.halfDepth[node] = 2 * depth >= (shortest[node] ?? 0) ? depth : (this.halfDepth[fail] ?? 0);
  }
}
