/** One response, read strictly by RFC 9112. */
export interface Answer {
  readonly status: number
  /** Names in lower case. A name that comes twice is a fault, as nothing here sends one twice. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** The response as it came. */
  readonly bytes: Buffer
  /** Whether the connection can take another request. */
  readonly keepsOpen: boolean
}

/** What is no HTTP/1.1. */
export class Malformed extends Error {}

const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/

/** The first response in what has come; undefined while it is not whole. */
export function answerIn(bytes: Buffer, toHead: boolean, isOver: boolean): Answer | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const [first = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const [, code] = /^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*$/.exec(first) ?? []
  if (code === undefined) throw new Malformed(`no status line: ${JSON.stringify(first)}`)
  const rest = bytes.subarray(headEnd + 4)
  if (code.startsWith('1')) return answerIn(rest, toHead, isOver)
  const headers = fieldsOf(lines)
  const hasBody = !toHead && code !== '204' && code !== '304'
  const found = hasBody ? bodyIn(rest, headers, isOver) : { body: '', end: 0 }
  if (!found) return undefined
  const keepsOpen = headers.get('connection') === 'keep-alive' && found.end === rest.length
  return {
    status: Number(code),
    headers,
    body: found.body,
    bytes: bytes.subarray(0, headEnd + 4 + found.end),
    keepsOpen,
  }
}

function fieldsOf(lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of lines) {
    const [, name, value = ''] = FIELD.exec(line) ?? []
    if (name === undefined) throw new Malformed(`no header field: ${JSON.stringify(line)}`)
    if (fields.has(name.toLowerCase())) throw new Malformed(`${name} comes twice`)
    fields.set(name.toLowerCase(), value)
  }
  return fields
}

interface Body {
  readonly body: string
  readonly end: number
}

function bodyIn(rest: Buffer, headers: ReadonlyMap<string, string>, isOver: boolean): Body | undefined {
  if (headers.get('transfer-encoding') === 'chunked') return chunksIn(rest)
  const length = headers.get('content-length')
  if (length === undefined) return isOver ? { body: rest.toString(), end: rest.length } : undefined
  const end = Number(length)
  return rest.length < end ? undefined : { body: rest.toString('utf8', 0, end), end }
}

function chunksIn(rest: Buffer): Body | undefined {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = rest.toString('latin1', at, lineEnd)
    if (!/^[0-9a-f]+$/i.test(size)) throw new Malformed(`no chunk begins at ${JSON.stringify(size.slice(0, 40))}`)
    const end = lineEnd + 2 + Number.parseInt(size, 16)
    if (rest.length < end + 2) return undefined
    if (rest.toString('latin1', end, end + 2) !== '\r\n') throw new Malformed('a chunk has another length')
    if (end === lineEnd + 2) return { body: Buffer.concat(chunks).toString(), end: end + 2 }
    chunks.push(rest.subarray(lineEnd + 2, end))
    at = end + 2
  }
}
