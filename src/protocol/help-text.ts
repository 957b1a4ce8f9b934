/** What `help` prints, and what a session without a request gets: how to talk to a gateway at all. */
export const HELP_TEXT = `Carapace runs tools on this host for you, under a policy, without handing out their credentials.

  ssh carapace tools              what this key may use
  ssh carapace tools TOOL         what of one tool is allowed
  ssh carapace TOOL ARGS...       run a tool (words are split as a shell splits them; nothing expands)
  ssh carapace check TOOL ARGS... say whether that would be allowed, without running it
  ssh carapace whoami             which client this key is
  ssh carapace ping               whether the gateway answers

Programs send one frame, LENGTH:JSON, as the command or as the first bytes of stdin:
  {"v":1,"tool":"gh","argv":["pr","list"]}
A shim does that for you under the tool's own name. There is no terminal here: run ssh with -T.
`;
