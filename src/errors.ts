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
  /** What was awaited did not come within the time limit. */
  | 'ERR_SSE_TIMEOUT'

/** An error of this package: tell them apart by `code`. */
export class SseError extends Error {
  static {
    // On the prototype, where the built-in errors have it: as a field it would be printed with every error.
    SseError.prototype.name = 'SseError'
  }

  readonly code: SseErrorCode

  constructor(code: SseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
