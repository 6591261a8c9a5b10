/**
 * Follows the last event id as an EventSource does: a block moves it even if it holds no data. The parser is silent
 * about such a block, so this looks at the lines itself.
 */
export class LastEventId {
  /** The id that a reconnect sends; empty for none. */
  current: string
  #pending: string
  #line = ''

  constructor(start: string) {
    this.current = start
    this.#pending = start
  }

  /** Takes more of the stream, its lines ended by LF alone. */
  feed(text: string): void {
    const lines = (this.#line + text).split('\n')
    this.#line = lines.pop() ?? ''
    for (const line of lines) this.#read(line)
  }

  #read(line: string): void {
    if (line === '') this.current = this.#pending
    const id = /^id(?:$|: ?(.*))/s.exec(line)
    if (id && !line.includes('\0')) this.#pending = id[1] ?? ''
  }
}
