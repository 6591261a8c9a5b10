import type { Context } from 'koa'

/** What a page asks to be shown of: texts to search for, and what the rows are sorted by, largest first. */
export interface Query {
  readonly channels: string
  readonly channelsBy: ChannelOrder
  readonly connections: string
  readonly connectionsBy: ConnectionOrder
}

const CHANNEL_ORDERS = ['followers', 'events', 'logBytes', 'lag'] as const
const CONNECTION_ORDERS = ['held', 'age', 'events', 'bytes'] as const

export type ChannelOrder = (typeof CHANNEL_ORDERS)[number]
export type ConnectionOrder = (typeof CONNECTION_ORDERS)[number]

/** Most characters that are searched for. With all of them escaped, a key is still short enough to name a run. */
const MOST_SEARCHED = 40

/** The query of a request, as a text that is the same for the same query: pages that ask the same are answered with one work. */
export function keyOf({ query }: Context): string {
  return JSON.stringify([
    searched(query.channels),
    oneOf(query.channelsBy, CHANNEL_ORDERS),
    searched(query.connections),
    oneOf(query.connectionsBy, CONNECTION_ORDERS),
  ])
}

export function queryOf(key: string): Query {
  const [channels, channelsBy, connections, connectionsBy] = JSON.parse(key)
  return { channels, channelsBy, connections, connectionsBy }
}

type Asked = string | string[] | undefined

const CONTROL = /\p{Cc}/gu

function searched(asked: Asked): string {
  return first(asked).replace(CONTROL, '').trim().slice(0, MOST_SEARCHED).toWellFormed().toLowerCase()
}

function oneOf<T extends string>(asked: Asked, known: readonly [T, ...T[]]): T {
  return known.find(name => name === first(asked)) ?? known[0]
}

const first = (asked: Asked) => [asked].flat()[0] ?? ''
