import { type OpenStreamOptions, plan } from './options.js'
import { locate, type StreamTarget } from './target.js'
import { TestStream } from './test-stream.js'

/**
 * Opens an event stream and resolves as soon as the headers of the response are there, whatever its status is.
 *
 * @param target A Koa app; a server of node:http or node:https; or a URL. An app, or a server that is not listening, is
 * served on 127.0.0.1 at a free port until the stream is closed. A server that is listening is left as it is.
 * @throws {TypeError | RangeError} The target or an option cannot be used; the message says what to write.
 * @throws {SseError} `ERR_SSE_TIMEOUT`: no response within the option `timeout`.
 * @throws Node's own error if the request failed, such as one with the code `ECONNREFUSED`; the reason of the option
 * `signal` if that was aborted.
 */
export async function openStream(target: StreamTarget, options: OpenStreamOptions = {}): Promise<TestStream> {
  const checked = plan(options)
  const place = await locate(target, checked.path)
  try {
    return await TestStream.open({ place, plan: checked }, checked.lastEventId)
  } catch (error) {
    await place.release()
    throw error
  }
}
