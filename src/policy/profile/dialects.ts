/**
 * How parsers of command lines differ. A profile names a kind and may override single traits; the one reader in
 * `read-options.ts` follows the traits, so there is no parser for each tool.
 */

export interface Dialect {
  /** What a long option begins with. `either`: one dash or two, and then there are no clusters. */
  readonly long: '--' | '-' | 'either';
  /** One-letter options may be joined (`-abc`), and their value attached (`-ovalue`). */
  readonly clusters: boolean;
  /**
   * What `=` is in `-o=x`: `separator` is taken away, `value` belongs to the value. `alone`: it is taken away there, and in
   * a cluster (`-ao=x`) refused, where versions of the parser differ.
   */
  readonly shortEquals: 'separator' | 'alone' | 'value';
  /** `--name=value` is the option with its value. */
  readonly equals: boolean;
  /** What a switch takes behind `=`. `go`: the words of Go's ParseBool. `words`: `true` and `false`. `none`: nothing. */
  readonly booleanValues: 'go' | 'words' | 'none';
  /** A value that is an argument of its own may begin with a dash. */
  readonly dashValues: boolean;
  /** So may one that is attached with `=`. Where not, the parser takes such a value for an option of its own. */
  readonly dashAttached: boolean;
  /** Options may stand after operands. */
  readonly permute: boolean;
  /** `ends`: after `--` there are only operands. `operand`: it means nothing. */
  readonly dashes: 'ends' | 'operand';
  /** The options of the tool are known after the subcommand as well. */
  readonly inherit: boolean;
  /**
   * How the subcommand is found. `ordered`: each option before it is one of the command so far. `cobra`: an unknown one
   * before it is taken to have a value, and all options are read by the last subcommand (spf13/cobra, Command.Find).
   */
  readonly find: 'ordered' | 'cobra';
  /** Where an option that takes many values ends: at the next option, or behind a `;` and a `{} +` (find). */
  readonly manyEnd: 'option' | 'semicolon';
  /** The first word may hold letters without their dash, as in `tar cf FILE`. */
  readonly bundle: boolean;
}

const GETOPT_LONG: Dialect = {
  long: '--',
  clusters: true,
  shortEquals: 'value',
  equals: true,
  booleanValues: 'none',
  dashValues: true,
  dashAttached: true,
  permute: true,
  dashes: 'ends',
  inherit: true,
  find: 'ordered',
  manyEnd: 'option',
  bundle: false,
};

const ARGPARSE: Dialect = { ...GETOPT_LONG, shortEquals: 'alone', dashValues: false };

/** By the name that profiles use. Each is described in docs/writing-profiles.md with what it was compared with. */
export const DIALECTS = {
  getopt_long: GETOPT_LONG,
  getopt: { ...GETOPT_LONG, permute: false },
  pflag: { ...GETOPT_LONG, shortEquals: 'separator', booleanValues: 'go', find: 'cobra' },
  'go-flag': { ...GETOPT_LONG, long: 'either', clusters: false, booleanValues: 'go', permute: false },
  git: { ...GETOPT_LONG, inherit: false },
  curl: { ...GETOPT_LONG, equals: false },
  argparse: ARGPARSE,
  gcloud: ARGPARSE,
  argparse4j: ARGPARSE,
  picocli: { ...GETOPT_LONG, shortEquals: 'separator', inherit: false },
  swift: { ...GETOPT_LONG, shortEquals: 'separator', dashValues: false },
  kong: { ...GETOPT_LONG, shortEquals: 'separator', booleanValues: 'words', dashValues: false },
  clap: { ...GETOPT_LONG, shortEquals: 'separator', dashValues: false },
  nopt: {
    ...GETOPT_LONG,
    shortEquals: 'separator',
    booleanValues: 'words',
    dashValues: false,
    dashAttached: false,
  },
  'long-words': { ...GETOPT_LONG, long: '-', clusters: false, equals: false, dashes: 'operand', manyEnd: 'semicolon' },
  jq: { ...GETOPT_LONG, equals: false },
  tar: { ...GETOPT_LONG, bundle: true },
} as const satisfies Record<string, Dialect>;
