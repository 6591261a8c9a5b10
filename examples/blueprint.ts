// All that a blueprint of event streams had, in one router: streams of a generator and of a function, channels, and a job that
// is started by POST and watched on a channel of its own. By hand: curl -N localhost:3000/blueprint/sse/news
import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import Koa, { type Context } from 'koa'
import bodyParser from 'koa-bodyparser'
import { ServerSentEvent, type SharedRequest, SseRouter, type StreamRequest } from 'koa-eventfeed'
import { channelsOf } from './plugin.js'

const STEPS = ['fetched', 'built', 'deployed']
export const sse = new SseRouter({ plugin: channelsOf('blueprint') })

const channelOf = (ctx: Context): string =>
  /^[\w.-]{1,50}$/.test(ctx.params.channel) ? ctx.params.channel : ctx.throw(404, 'There is no such channel')

sse.streamGen('/clock', async function* ({ signal }) {
  for (;;) {
    yield new Date().toLocaleString('sv-SE')
    await setTimeout(1_000, undefined, { signal })
  }
})
// Three events, then the end.
sse.streamFunc('/dice', () => randomInt(1, 7), { interval: 500, limit: 3, retry: 1_000 })

async function* work({ signal, position }: SharedRequest) {
  for (let progress = position * 5 + 5; progress <= 100; progress += 5) {
    await setTimeout(500, undefined, { signal })
    yield { progress }
  }
}
// Once for all who watch, and anew for who comes some seconds after its end.
sse.streamGen('/progress', work, { share: true, resumable: true, keep: 5_000, retry: 1_000 })

sse.pubSub('/sse/:channel', { channel: channelOf, retry: 1_000 })
sse.publisher('/sse/:channel', { body: 'data', channel: channelOf })

async function* following(channel: string, signal: AbortSignal, lastEventId: string | undefined) {
  const events = sse.pubsub.subscribe(channel, { limit: 2, signal, lastEventId })
  for await (const { data, event, id } of events) yield new ServerSentEvent(data, { event, id, allowReserved: true })
}
// The next two events of a channel, then the end.
const two = ({ ctx, signal, lastEventId }: StreamRequest) => following(channelOf(ctx), signal, lastEventId)
sse.streamGen('/two/:channel', two, { retry: 1_000 })

function nameOf(ctx: Context): string {
  const name = (ctx.request.body as { name?: unknown }).name
  return typeof name === 'string' && name !== '' ? name : ctx.throw(400, 'Send JSON with a name: {"name": "report"}')
}

async function deploy(name: string, channel: string): Promise<void> {
  for (const step of STEPS) {
    await setTimeout(500)
    await sse.publish(`${name}: ${step}`, { channel })
  }
}

sse.post('/jobs', bodyParser({ enableTypes: ['json'] }), async ctx => {
  const name = nameOf(ctx)
  const channel = `job.${randomUUID()}`
  const lastEventId = await sse.pubsub.position(channel) // who watches from here misses nothing, however late it comes
  deploy(name, channel).catch(error => ctx.app.emit('error', error, ctx))
  ctx.status = 202
  ctx.body = { watch: `${ctx.mountPath ?? ''}/sse/${channel}?${new URLSearchParams({ lastEventId })}` }
})

export const app = new Koa()
app.use(sse.routes()).use(sse.allowedMethods())
