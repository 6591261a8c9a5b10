import type { Context, Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'
import type { DashboardHost } from './host.js'

const parse = bodyParser({ enableTypes: ['json'], jsonLimit: '1kb' })

/** Ends the connection whose id is posted as JSON: `{ "id": 12 }`. Tells in words what became of it. */
export function ender(host: DashboardHost): Middleware {
  return async ctx => {
    const id = await postedId(ctx)
    if (id === undefined) return answer(ctx, 400, { reason: 'Send JSON: { "id": … } of a connection.' })
    if (host.end(id)) return answer(ctx, 200, { message: `Connection ${id} is ended.` })
    return answer(ctx, 404, { reason: `Connection ${id} is gone already.` })
  }
}

async function postedId(ctx: Context): Promise<number | undefined> {
  if (!ctx.is('json')) return undefined
  await parse(ctx, async () => {}).catch(() => {}) // then there is no body
  const { id } = ((ctx.request as { body?: unknown }).body ?? {}) as { id?: unknown }
  return typeof id === 'number' && Number.isSafeInteger(id) ? id : undefined
}

function answer(ctx: Context, status: number, body: object): void {
  ctx.status = status
  ctx.body = { status: status === 200 ? 'success' : 'fail', ...body }
}
