import Koa from 'koa'
import mount from 'koa-mount'
import { files } from './files.js'
import { examples } from './list.js'
import { reportErrors, unavailable } from './outage.js'
import { nameOf } from './plugin.js'
import { probes } from './probes.js'

const self = "'self'"
const policy = `default-src 'none'; script-src ${self}; style-src ${self}; img-src ${self}; connect-src ${self}; base-uri 'none'; form-action ${self}; frame-src ${self}; frame-ancestors ${self}`

/** All the examples, each mounted below its name, and the page that shows them. */
export const app = new Koa()

app.use((ctx, next) => {
  ctx.set({ 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' })
  return next()
})
app.use(unavailable())
app.use(probes())
for (const example of examples) {
  app.use(mount(`/${example.name}`, example.app))
  app.keys ??= example.app.keys // for cookies: they are signed with those of the outer app
}
app.use(files())
app.use(async (ctx, next) => {
  if (ctx.path === '/examples.json')
    ctx.body = examples.map(({ app: _, sse: __, ...shown }) => ({ ...shown, plugin: nameOf(shown.name) }))
  else await next()
})
reportErrors(app)

/** Ends the streams over so many milliseconds, and leaves the shared runs that are not at their end by then to another process. */
export async function close(within = 0): Promise<void> {
  await Promise.all(examples.map(({ sse }) => sse.close({ within })))
}
