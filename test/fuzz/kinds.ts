import { body, type Posted } from './bodies.js'
import type { Kind } from './http-target.js'
import type { Sent } from './lane.js'
import { Ledger } from './ledger.js'
import { isName, isPosition } from './oracle.js'
import { headers, requestLine } from './requests.js'
import type { Answer } from './response.js'

export const requestLines = (): Kind<Sent> => ({ name: 'lines', generate: requestLine })

export const requestHeaders = (): Kind<Sent> => ({ name: 'headers', generate: headers })

/** Bodies: what is answered 200 was published as it was sent, and nothing else was. */
export function bodies(): Kind<Posted> {
  const ledger = new Ledger()
  return {
    name: 'bodies',
    generate: body,
    judge: (input, answer) => (answer.status === 200 ? enter(ledger, input, answer) : undefined),
    posted: event => ledger.arrived(event, !isPosition(event.id)),
    conclude: () => ledger.difference(),
  }
}

function enter(ledger: Ledger, { bytes, takes, body: sent, isOdd }: Posted, answer: Answer): string | undefined {
  if (isOdd) return undefined // its framing may say that another part is the body
  const json = jsonIn(sent)
  if (json === undefined) return 'published though it is not JSON'
  const { data, event, id, ...rest } = (takes === 'event' ? json : { data: json }) as Record<string, unknown>
  if (JSON.stringify(JSON.parse(answer.body).data) !== JSON.stringify(data)) return 'the answer tells of other data'
  const channel = rest.channel ?? 'sse' // null is none
  if (!isName(channel) || channel === '') return 'published to what no channel is called'
  const isPosted =
    takes === 'event' ? channel === 'posted' : bytes.toString('latin1', 0, 30).includes('/sse/say/posted ')
  if (isPosted) ledger.accepted(data, event, id)
  return undefined
}

function jsonIn(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}
