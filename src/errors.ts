/** What went wrong, for code to tell apart. Codes are stable; messages are for people and may change. */
export type SseErrorCode =
  /** The connection broke off before the server had ended the stream. `cause` is the network's error. */
  | 'ERR_SSE_BROKEN'
  /** The stream was used after it had been closed on this side, by `close()` or `reconnect()`. */
  | 'ERR_SSE_CLOSED'
  /** The server ended the stream before what was awaited had come. */
  | 'ERR_SSE_ENDED'
  /** A message that came from another process, or from the history, is none that can be sent. The channel went on without it. */
  | 'ERR_SSE_MESSAGE'
  /** The answer is not an event stream: its status is not 200, or its content type not `text/event-stream`. */
  | 'ERR_SSE_NOT_A_STREAM'
  /** A plugin was used after its `close()`, or that of the `PubSub` or the router that has it. */
  | 'ERR_SSE_PLUGIN_CLOSED'
  /** The server that carries the channels does not take the user name or the password. */
  | 'ERR_SSE_CREDENTIALS'
  /** The server that carries the channels does not let this user do that: publish to the channel, say, or follow it. */
  | 'ERR_SSE_FORBIDDEN'
  /** The server that carries the channels refused: it has no memory left, say. Nothing was published. */
  | 'ERR_SSE_REFUSED'
  /** What was awaited did not come within the time limit. */
  | 'ERR_SSE_TIMEOUT'
  /** The server took the event or not: the connection broke off before it answered, and did not come back in time. */
  | 'ERR_SSE_UNCERTAIN'
  /** The server that carries the channels cannot be reached, or does not answer. Nothing was published. */
  | 'ERR_SSE_UNREACHABLE'

/** Whether what failed may work later, without anybody doing anything. */
export function isPassing(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'ERR_SSE_UNREACHABLE'
}

/** Whether what failed is the connection, which a plugin tells by itself, once for all channels. */
export function isOutage(error: unknown): boolean {
  return isPassing(error) || (error as { code?: unknown } | undefined)?.code === 'ERR_SSE_CREDENTIALS'
}

/** An error of this package: tell them apart by `code`. */
export class SseError extends Error {
  static {
    // On the prototype, where the built-in errors have it: as a field it would be printed with every error.
    SseError.prototype.name = 'SseError'
  }

  /** What went wrong: this, not the message, is for code to tell errors apart. */
  readonly code: SseErrorCode

  constructor(code: SseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
