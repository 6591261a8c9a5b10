import { createParser, type EventSourceMessage } from 'eventsource-parser'
import fc from 'fast-check'
import { type PublishOptions, ServerSentEvent } from 'koa-eventfeed'
import { encodeEvent } from '../../src/encoder.js'
import { type Served, serveAll } from './app.js'
import { Ledger } from './ledger.js'
import { isPosition } from './oracle.js'
import { Finding, type Target } from './target.js'
import { Witness } from './witness.js'

/** Events that are tried in one attempt; fast-check makes the one that fails small. */
export const EVENTS = 100

/** How often an event that was accepted is published too, to a stream over a socket. */
const SHARE = 20

const PIECES = [
  '\r',
  '\n',
  '\r\n',
  '\n\n',
  '\0',
  '\ud800',
  '\udc00',
  '\u2028',
  '\u0085',
  '\ufeff',
  ':',
  ' ',
  '\t',
  '🎈',
  'é',
  '\x7f',
]
const FORGED = ['data: forged\n\n', 'event: forged\n', '\rid: 7\r', 'retry: 1\n', ':\n\n']
const text = fc.oneof(
  fc.array(fc.constantFrom(...PIECES, ...FORGED, 'a', ''), { maxLength: 8 }).map(pieces => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    'x'.repeat(256),
    'x'.repeat(257),
    'x'.repeat(1_024),
    'x'.repeat(1_025),
    'error',
    'stream-end',
    '__proto__',
  ),
)
const strange = fc.constantFrom<unknown>(
  null,
  true,
  1.5,
  -1,
  0,
  2 ** 53,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  [],
  {},
  7n,
  () => 1,
)
const fieldsOf = fc.record(
  { event: fc.oneof(text, strange), id: fc.oneof(text, fc.double(), strange), retry: fc.oneof(fc.integer(), strange) },
  { requiredKeys: [] },
)
const dataOf = fc.oneof(
  text,
  fc.jsonValue({ maxDepth: 2 }),
  strange,
  fc.constant(undefined),
  fc.constant(new Uint8Array(3)),
)

/** Ids, event types and data: what is accepted comes out of another parser as it went in, and as one event. */
export async function fieldsTarget(): Promise<Target> {
  const served = await serveAll()
  const ledger = new Ledger()
  const arrived = (event: EventSourceMessage) => {
    if (event.event !== 'stream-open') ledger.arrived(event, !isPosition(event.id))
  }
  const witness = await Witness.open(served.port, '/sse/rooms/posted', arrived)
  let count = 0
  const check = (data: unknown, fields: object) => {
    const event = accepted(data, fields)
    if (!event) return
    const fault = faultIn(event, data, fields)
    if (fault !== undefined) throw new Error(fault)
    if (++count % SHARE === 0) publish(served, ledger, data, fields)
  }
  return {
    name: 'fields',
    width: 1,
    async attempt(random) {
      const seed = random.below(2 ** 31)
      const outcome = fc.check(fc.property(dataOf, fieldsOf, check), { seed, numRuns: EVENTS })
      if (outcome.failed) throw new Finding(String(outcome.errorInstance), fc.stringify(outcome.counterexample))
      await new Promise(resolve => setImmediate(resolve))
    },
    underWay: () => [],
    async settle() {
      const fault = await ledger.difference()
      if (fault !== undefined) throw new Finding(fault, 'published, and read from a stream')
    },
    async [Symbol.asyncDispose]() {
      witness.close()
      await served[Symbol.asyncDispose]()
    },
  }
}

function accepted(data: unknown, fields: object): ServerSentEvent | undefined {
  try {
    return new ServerSentEvent(data, fields)
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return undefined
    throw error
  }
}

function faultIn(
  event: ServerSentEvent,
  data: unknown,
  { event: type, id, retry }: PublishOptions,
): string | undefined {
  const events: EventSourceMessage[] = []
  const retries: number[] = []
  const parser = createParser({ onEvent: message => events.push(message), onRetry: time => retries.push(time) })
  parser.feed(encodeEvent(event))
  const [only] = events
  if (!only || events.length > 1) return `${events.length} events`
  const wanted = typeof data === 'string' ? data.replace(/\r\n?/g, '\n') : undefined
  if (wanted === undefined ? JSON.stringify(JSON.parse(only.data)) !== JSON.stringify(data) : wanted !== only.data)
    return 'other data'
  if (only.event !== type || only.id !== (id === undefined ? undefined : String(id))) return 'another type or id'
  return String(retries) === String(retry ?? '') ? undefined : 'another retry'
}

// By then it is known to be fine, so that it is published is not to fail either.
function publish({ sse }: Served, ledger: Ledger, data: unknown, fields: PublishOptions): void {
  ledger.accepted(data, fields.event, fields.id)
  void sse.publish(data, { ...fields, channel: 'posted' })
}
