import { element, find, say } from './dom.js'
import { bytes, count, span, sum } from './format.js'

/** Milliseconds for which something new stands out. */
const RECENT = 60_000

const REFUSED = {
  unauthorized: 'authorize said no',
  'not-acceptable': 'no event stream wanted',
  connections: 'maxConnections',
  'connections-per-key': 'maxConnectionsPerKey',
  channels: 'too many channels',
  runs: 'maxRuns',
  closing: 'the server closes',
  rate: 'published too fast',
  size: 'published too much',
  'cross-site': 'posted by another site',
}

const ENDED = {
  left: 'client left',
  ended: 'source came to its end',
  failed: 'source or channel failed',
  closed: 'the server closes',
  disconnected: 'ended by the server',
  expired: 'access expired',
  duration: 'maxDuration',
  stalled: 'client did not read',
  behind: 'client fell behind',
}

const HOLES = {
  absent: 'channel has no history',
  epoch: 'history began anew',
  rollback: 'history lost its end',
  fork: 'history is another one',
  trimmed: 'too old',
  limit: 'too much missed',
  malformed: 'id is none of ours',
}

/** What is known of the process, and what was counted since it began. */
export class Totals {
  #seen = new Map()

  show({ process, health, totals, sample }) {
    say(find('#process'), `${process.host} · pid ${process.pid}`)
    say(find('#scope'), scopeOf(process))
    say(find('#uptime'), span(process.uptime * 1_000))
    say(find('#channel-count'), count(totals.channels))
    say(find('#log-bytes'), bytes(totals.logBytes))
    showHealth(health)
    this.#count('#refused-count', sum(totals.refused), sample.at)
    this.#count('#hole-count', sum(totals.holes), sample.at)
    this.#count('#failure-count', totals.failures, sample.at)
    list('#refused', totals.refused, REFUSED, 'None.')
    list('#ended', totals.ended, ENDED, 'None.')
    list('#holes', totals.holes, HOLES, 'None.')
    showAll(totals)
  }

  // A process that runs for weeks has refused somebody at some time: only what is new stands out.
  #count(selector, number, at) {
    const field = find(selector)
    const points = [...(this.#seen.get(selector) ?? []), { at, number }].filter(point => point.at > at - RECENT)
    this.#seen.set(selector, points)
    field.classList.toggle('new', number > points[0].number)
    say(field, count(number))
  }
}

const scopeOf = ({ host, pid, node }) =>
  `This page shows process ${pid} on ${host}, with Node ${node.slice(1)}, and no other: each has a page of its own.`

function showHealth({ publishing, receiving, closing, code }) {
  const ill = [publishing ? '' : 'Cannot publish', receiving ? '' : 'Cannot receive'].filter(Boolean).join('. ')
  const words = ill ? `${ill}${code ? ` (${code})` : ''}` : 'Publishing and receiving'
  const field = find('#health')
  field.dataset.health = ill ? 'bad' : closing ? 'closing' : 'good'
  say(field, closing ? `Closing. ${words}` : words)
}

function showAll({ accepted, published, events, bytes: sent, rejected }) {
  const figures = { accepted, published, events, sent, rejected }
  const names = {
    accepted: 'streams opened',
    published: 'events published here',
    events: 'events sent',
    sent: 'sent',
    rejected: 'messages that could not be read',
  }
  list('#all', figures, names, '', (name, number) => (name === 'sent' ? bytes(number) : count(number)))
}

const keptRows = new Map()

// Rows are made once and then changed: what does not change is not painted again.
function list(selector, figures, names, none, words = (_, number) => count(number)) {
  const box = find(selector)
  const rows = Object.keys(names).filter(name => figures[name] !== undefined)
  const others = Object.keys(figures).filter(name => !(name in names))
  for (const name of [...rows, ...others]) say(rowOf(box, name, names[name] ?? name), words(name, figures[name]))
  box.dataset.none = rows.length + others.length === 0 ? none : ''
}

function rowOf(box, name, label) {
  const key = `${box.id} ${name}`
  const known = keptRows.get(key)
  if (known) return known
  const field = element('dd')
  box.append(element('div', {}, element('dt', {}, label), field))
  keptRows.set(key, field)
  return field
}
