import type { Context } from 'koa'
import { sendChannels } from './channel-stream.js'
import { type Mount, mount, type StreamMiddleware } from './mount.js'
import { checkChannel, faultOf } from './names.js'
import { type ChannelOptions, channelSettings, checkNames, type SourceOptions, sourceSettings } from './options.js'
import type { Place } from './place.js'
import { DEFAULT_CHANNEL, type PubSub } from './pubsub.js'

/**
 * Streams the events of channels: from now on, or from the last event ID that a client reconnects with. What it missed comes first,
 * exactly once and in order; where that cannot be had, `stream-reset` tells it so.
 *
 * @throws TypeError or RangeError for options that cannot be used.
 */
export function pubSub(pubsub: PubSub, options: ChannelOptions = {}): StreamMiddleware {
  return mountChannels(pubsub, options, { path: '', activity: pubsub.activity })
}

/** `pubSub`, with where it is mounted. @internal */
export function mountChannels(pubsub: PubSub, options: ChannelOptions, place: Place): Mount {
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
    if (channels.length > appearance.maxChannels) tooMany(ctx, channels.length)
    chosen.set(ctx, channels)
    return channels
  }
  const tooMany = (ctx: Context, count: number) => {
    place.activity.refuse(ctx, 'channels', 400)
    ctx.throw(400, `A stream reads ${appearance.maxChannels} channels at most, not ${count}`)
  }
  const settings = {
    ...sourceSettings({ ...streamOptions(shared), end: false }),
    authorize: authorize && ((ctx: Context) => authorize(ctx, choose(ctx))),
  }
  return mount(settings, place, async ({ ctx, connection, lastEventId }) => {
    const channels = choose(ctx)
    connection.attach({ channels, left: () => {} }) // at once: who hears that it opens, or ends the streams of a channel, is to know what it reads
    return () => void sendChannels(connection, pubsub, channels, appearance, lastEventId)
  })
}

function streamOptions(options: Omit<ChannelOptions, 'channel' | 'authorize'>): SourceOptions {
  const { whenBehind, anchor, channelIn, maxChannels, writeTimeout = 60_000, ...common } = options
  return { ...common, writeTimeout }
}

/** The channels that a request reads, each once. Throws 400 for what is no channel. */
function channelsOf(ctx: Context, channel: ChannelOptions['channel']): string[] {
  const asked = typeof channel === 'function' ? channel(ctx) : channel
  const named = asked ?? ctx.params?.channel ?? queried(ctx) ?? DEFAULT_CHANNEL
  const channels = [...new Set([named].flat() as string[])]
  const fault = channels.map(faultOf).find(found => found !== undefined)
  if (fault !== undefined) ctx.throw(400, fault)
  if (channels.length === 0) ctx.throw(400, 'A stream reads at least one channel')
  return channels
}

function queried(ctx: Context): string[] | undefined {
  if (!ctx.querystring) return undefined
  const names = [ctx.query.channel].flat().filter(name => name !== undefined && name !== '')
  return names.length > 0 ? (names as string[]) : undefined
}
