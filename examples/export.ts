// A job that is started by POST, watched by whoever wants to, and cancelled by DELETE. It goes on whoever watches, and who
// comes late gets all of its events.
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import Koa, { type Context } from 'koa'
import bodyParser from 'koa-bodyparser'
import { type SharedRequest, SseRouter } from 'koa-eventfeed'
import { channelsOf, storeOf } from './plugin.js'

const HOUR = 3_600_000
const BATCH = 100
const MOST = 100_000
const path = '/exports/:id'
const jobs = storeOf('export', HOUR)
export const sse = new SseRouter({ plugin: channelsOf('export') })
let runs = 0

function rowsOf(ctx: Context): number {
  const rows = (ctx.request.body as { rows?: unknown } | undefined)?.rows
  if (Number.isInteger(rows) && Number(rows) > 0 && Number(rows) <= MOST) return Number(rows)
  return ctx.throw(400, `Send JSON with rows, a whole number from 1 to ${MOST}: {"rows": 2000}`)
}

async function known(ctx: Context): Promise<string> {
  const { id } = ctx.params
  return (await jobs.get(id)) === undefined ? ctx.throw(404, 'There is no such export') : id
}

/** @param position How many batches are done already: more than 0 where another process has died. */
async function* work({ key, signal, position }: SharedRequest) {
  if (position === 0) runs++
  const rows = Number(await jobs.get(key))
  for (let done = position * BATCH; done < rows; ) {
    await setTimeout(250, undefined, { signal })
    done = Math.min(rows, done + BATCH)
    yield { done, rows }
  }
}

sse.post('/exports', async ctx => {
  const id = randomUUID()
  await jobs.set(id, `${rowsOf(ctx)}`)
  await sse.begin(ctx, id, path)
  ctx.status = 202
  ctx.set('Location', `${ctx.mountPath ?? ''}/exports/${id}`)
  ctx.body = { id }
})
sse.streamGen(path, work, { share: known, detached: true, resumable: true, keep: HOUR, retry: 1_000 })
sse.delete(path, async ctx => {
  await sse.cancel(await known(ctx), path)
  ctx.status = 204
})
sse.get('/runs', ctx => {
  ctx.body = { runs }
})

export const app = new Koa()
app.use(bodyParser()).use(sse.routes()).use(sse.allowedMethods())
