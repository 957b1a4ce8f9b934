/**
 * Parameters of well-known JSON-RPC methods that neither choose whom a message goes to or on whose behalf, nor name a file:
 * what a filtered method may have beside its filtered fields where the policy does not say (`allow_keys`).
 *
 * Sources: signal-cli-jsonrpc(5) and signal-cli(1); https://imsg.sh/rpc. Left out on purpose: account, recipient(s), groupId(s),
 * username(s), noteToSelf, attachment(s), previewImage, endSession, and of imsg to, chat_id, chat_guid, chat_identifier, file.
 */
const KEYS: Readonly<Record<string, string>> = {
  // signal-cli, where lists may be named in the plural; and imsg: text, service, region
  send:
    'message mention mentions textStyle textStyles quoteTimestamp quoteAuthor quoteMessage quoteMention quoteMentions ' +
    'quoteTextStyle quoteTextStyles editTimestamp sticker viewOnce previewUrl previewTitle previewDescription ' +
    'text service region',
  sendTyping: 'stop',
  sendReceipt: 'targetTimestamp targetTimestamps type',
  sendReaction: 'emoji targetAuthor targetTimestamp remove story',
  remoteDelete: 'targetTimestamp',
  sendPollCreate: 'question option options noMulti',
  sendPollVote: 'pollAuthor pollTimestamp option options voteCount',
  sendPollTerminate: 'pollTimestamp',
  sendMessageRequestResponse: 'type',
  getAttachment: 'id',
  getUserStatus: '',
  // imsg
  'chats.list': 'limit',
  'messages.history': 'limit participants start end attachments',
  'watch.subscribe': 'since_rowid participants start end attachments',
  'watch.unsubscribe': 'subscription',
};

const KNOWN: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(KEYS).map(([method, keys]) => [method, keys === '' ? [] : keys.split(' ')]),
);

/** Undefined for a method of which nothing is known. */
export function knownKeys(method: string): readonly string[] | undefined {
  return KNOWN.get(method);
}
