// The shop knows nothing of browsers: it emits its events as ever, and those that are bound reach every open page.
import { randomInt } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { channelsOf } from './plugin.js'

const channel = 'shop'
export const shop = new EventEmitter()
export const sse = new SseRouter({ plugin: channelsOf('notifications') })

// The warehouse.
shop.on('order', async order => {
  await setTimeout(1_500, undefined, { ref: false })
  shop.emit('shipped', order)
})

/** What undoes it. */
export const unbind = sse.pubsub.bind(shop, ['order', 'shipped'], { channel })
sse.pubSub('/events', { channel, retry: 1_000 })
sse.post('/orders', ctx => {
  const order = { id: randomInt(1_000, 10_000) }
  shop.emit('order', order)
  ctx.status = 201
  ctx.body = order
})

export const app = new Koa()
app.use(sse.routes()).use(sse.allowedMethods())
