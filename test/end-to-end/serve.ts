import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type Koa from 'koa'

/** A request as the server saw it. */
export interface Seen {
  readonly url: string | undefined
  readonly lastEventId: string | string[] | undefined
  /** The status of the answer; undefined until its headers have left. */
  readonly status: number | undefined
  /** Resolves once the answer is complete or the client has gone. */
  readonly over: Promise<unknown>
}

export interface Served {
  readonly url: string
  /** The requests for a path, whatever their query, oldest first. */
  seen(path: string): Seen[]
  /** Breaks every connection off, as a network does. */
  breakOff(): void
  close(): Promise<void>
}

/** Serves an app on a free port of 127.0.0.1 and keeps a list of the requests. */
export async function serve(app: Koa): Promise<Served> {
  const requests: Seen[] = []
  const handle = app.callback()
  const server = createServer((req, res) => {
    requests.push(seen(req, res))
    handle(req, res)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: path => requests.filter(({ url }) => url?.split('?')[0] === path),
    breakOff: () => server.closeAllConnections(),
    close: async () => {
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    },
  }
}

function seen(req: IncomingMessage, res: ServerResponse): Seen {
  return {
    url: req.url,
    lastEventId: req.headers['last-event-id'],
    over: once(res, 'close'),
    get status() {
      return res.headersSent ? res.statusCode : undefined
    },
  }
}
