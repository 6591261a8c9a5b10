import type { Context } from 'koa'
import { sendChannels } from './channel-stream.js'
import { mount, type StreamMiddleware } from './mount.js'
import { checkChannel, faultOf } from './names.js'
import { type ChannelOptions, channelSettings, checkNames, sourceSettings } from './options.js'
import { DEFAULT_CHANNEL, type PubSub } from './pubsub.js'

/** Most channels that one request may read. */
const MAX_CHANNELS = 32

/**
 * Streams the events of channels: from now on, or from the last event ID that a client reconnects with. What it missed comes first,
 * exactly once and in order; where that cannot be had, `stream-reset` tells it so.
 *
 * @throws TypeError or RangeError for options that cannot be used.
 */
export function pubSub(pubsub: PubSub, options: ChannelOptions = {}): StreamMiddleware {
  checkNames('pubSub', options)
  const { channel, authorize, ...shared } = options
  for (const name of typeof channel === 'function' || channel === undefined ? [] : [channel].flat()) checkChannel(name)
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw new TypeError(`authorize must be a function of ctx and channels, not ${typeof authorize}`)
  }
  const appearance = channelSettings(options)
  // Once for a request: what is authorised is what is read, whatever an option's function answers the next time.
  const chosen = new WeakMap<Context, string[]>()
  const choose = (ctx: Context) => {
    const channels = chosen.get(ctx) ?? channelsOf(ctx, channel)
    chosen.set(ctx, channels)
    return channels
  }
  const settings = {
    ...sourceSettings({ ...streamOptions(shared), end: false }),
    authorize: authorize && ((ctx: Context) => authorize(ctx, choose(ctx))),
  }
  return mount(settings, async ({ ctx, connection, lastEventId }) => {
    const channels = choose(ctx)
    return () => void sendChannels(connection, pubsub, channels, appearance, lastEventId)
  })
}

function streamOptions({ keepAlive, retry, maxBuffered, writeTimeout = 60_000, compress }: ChannelOptions) {
  return { keepAlive, retry, maxBuffered, writeTimeout, compress }
}

/** The channels that a request reads, each once. Throws 400 for what is no channel. */
function channelsOf(ctx: Context, channel: ChannelOptions['channel']): string[] {
  const asked = typeof channel === 'function' ? channel(ctx) : channel
  const named = asked ?? ctx.params?.channel ?? queried(ctx) ?? DEFAULT_CHANNEL
  const channels = [...new Set([named].flat() as string[])]
  const fault = channels.map(faultOf).find(found => found !== undefined)
  if (fault !== undefined) ctx.throw(400, fault)
  if (channels.length === 0 || channels.length > MAX_CHANNELS) {
    ctx.throw(400, `A stream reads 1 to ${MAX_CHANNELS} channels, not ${channels.length}`)
  }
  return channels
}

function queried(ctx: Context): string[] | undefined {
  if (!ctx.querystring) return undefined
  const names = [ctx.query.channel].flat().filter(name => name !== undefined && name !== '')
  return names.length > 0 ? (names as string[]) : undefined
}
