// One room, and names that a session cookie keeps. By hand: http://localhost:3000/redis-chat/
import cors from '@koa/cors'
import Koa, { type Context } from 'koa'
import bodyParser from 'koa-bodyparser'
import { SseRouter } from 'koa-eventfeed'
import { createSession } from 'koa-session'
import { channelsOf } from './plugin.js'

const channel = 'chat'
export const sse = new SseRouter({ plugin: channelsOf('redis-chat') })

const form = (action: string, name: string) =>
  `<!doctype html><title>Redis chat</title><form action="${action}" method="post"><input name="${name}" required></form>`
const page = `${form('post', 'message')}<pre></pre><script type="module" src="page.js"></script>`
const script = `new EventSource('stream').onmessage = ({ data }) => document.querySelector('pre').append(data, '\\n')
document.forms[0].onsubmit = event => {
  event.preventDefault()
  fetch('post', { method: 'POST', body: new URLSearchParams(new FormData(event.target)) })
  event.target.reset()
}`

/** A field of the form that was posted. */
function posted(ctx: Context, name: string, wanted: RegExp): string {
  const value = (ctx.request.body as Record<string, unknown>)[name]
  return typeof value === 'string' && wanted.test(value) ? value : ctx.throw(400, `Send a form with a ${name}`)
}

// Elsewhere than at the root of the host where this app is mounted in another.
const redirect = (ctx: Context, path: string) => ctx.redirect(`${ctx.mountPath ?? ''}${path}`)

sse.get('/', ctx => {
  if (ctx.session?.user) ctx.body = page
  else redirect(ctx, '/login')
})
sse.get('/page.js', ctx => {
  ctx.type = 'js'
  ctx.body = script
})
sse.get('/login', ctx => {
  ctx.body = form('', 'user')
})
sse.post('/login', ctx => {
  ctx.session = { user: posted(ctx, 'user', /^[^\p{C}\p{Z}][^\p{C}]{0,39}$/u) }
  redirect(ctx, '/')
})
sse.post('/post', async ctx => {
  const text = posted(ctx, 'message', /^[^\0]{1,1000}$/)
  const time = new Date().toTimeString().slice(0, 8)
  await sse.publish(`[${time}] ${ctx.session?.user ?? 'anonymous'}: ${text}`, { channel })
  ctx.status = 204
})
sse.pubSub('/stream', { channel, retry: 1_000 })

// Pages of other origins that may use it as one of its own would, cookie and all: CHAT_ORIGINS=https://www.example.com
const origins = () => process.env.CHAT_ORIGINS?.split(',') ?? []
const origin = (ctx: Context) => (origins().includes(ctx.get('Origin')) ? ctx.get('Origin') : '')

export const app = new Koa()
app.keys = [process.env.SESSION_KEY || 'signs a nickname: have a secret of your own'] // one for all processes
// Of the app that serves this one, which may be another that it is mounted in.
app.use((ctx, next) => createSession({ key: 'chat', sameSite: 'lax' }, ctx.app)(ctx, next))
app.use(cors({ origin, credentials: true })).use(bodyParser({ enableTypes: ['form'] }))
app.use(sse.routes()).use(sse.allowedMethods())
