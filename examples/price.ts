// A value that something else writes, here the key current_price in Redis, polled every two seconds, once for all viewers:
// redis-cli SET current_price 101
import Koa, { type Context } from 'koa'
import bodyParser from 'koa-bodyparser'
import { SseRouter } from 'koa-eventfeed'
import { channelsOf, redis } from './plugin.js'

interface Prices {
  get(key: string): Promise<string | null> | string | undefined
  set(key: string, price: string): unknown
}

const KEY = 'current_price'
const prices: Prices = redis ?? new Map<string, string>()
export const sse = new SseRouter({ plugin: channelsOf('price') })
let known = false
let fault = ''

async function currentPrice(): Promise<number | undefined> {
  const text = (await prices.get(KEY)) ?? undefined
  if (text === undefined && !known) return undefined
  const price = Number(text?.trim() || 'none')
  known = Number.isFinite(price)
  if (!known) throw new Error(text === undefined ? `${KEY} is gone` : `${KEY} is no number: ${text}`)
  return price
}

// Once, not every two seconds.
function report(error: Error, ctx: Context): void {
  if (error.message !== fault) ctx.app.emit('error', error, ctx)
  fault = error.message
}

const poll = async ({ ctx }: { ctx: Context }) => {
  try {
    const price = await currentPrice()
    if (price === undefined) return undefined
    fault = ''
    return `Current Price - ${price}`
  } catch (error) {
    return report(error as Error, ctx) // the stream stays open
  }
}
sse.streamFunc('/sse', poll, { share: true, interval: 2_000, changes: true, retry: 1_000 })

sse.post('/price', async ctx => {
  const { price } = ctx.request.body as { price?: unknown }
  if (typeof price !== 'number') ctx.throw(400, 'Send JSON with a price: {"price": 101}')
  await prices.set(KEY, `${price}`)
  ctx.status = 204
})

export const app = new Koa()
app
  .use(bodyParser({ enableTypes: ['json'] }))
  .use(sse.routes())
  .use(sse.allowedMethods())
