import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll } from '@jest/globals'
import { close as closeGallery, app as gallery } from '../../../examples/gallery.js'
import { type Seen, type Served, serve } from '../../end-to-end/serve.js'

/** The examples, as `npm start` serves them, and what others do there. */
export class Gallery {
  #served: Served | undefined

  /** Prepares and clears up around the tests of the `describe` or file that calls it. */
  constructor() {
    beforeAll(async () => {
      this.#served = await serve(gallery)
    })
    afterAll(async () => {
      await this.served.close()
      await closeGallery()
    })
  }

  get served(): Served {
    if (this.#served === undefined) throw new Error('only within a test')
    return this.#served
  }

  get url(): string {
    return this.served.url
  }

  /** Makes the announcer say `pong`. */
  ping(): Promise<Response> {
    return this.fetch('/announcer/ping')
  }

  /** Makes the quickstart of Flask-SSE send its event `greeting`. */
  greet(): Promise<Response> {
    return this.fetch('/flask/hello')
  }

  /** Publishes JSON to the stream `/publish/sse`. */
  publish(data: unknown): Promise<Response> {
    return this.fetch('/publish/publish', post('application/json', JSON.stringify(data)))
  }

  /** Writes a line into the chat whose stream is `/redis-chat/stream`. */
  say(message: string): Promise<Response> {
    return this.fetch(
      '/redis-chat/post',
      post('application/x-www-form-urlencoded', `${new URLSearchParams({ message })}`),
    )
  }

  /** Starts a job with an event for each 100 rows; resolves to the path of its stream, which ends. */
  async startExport(rows: number): Promise<string> {
    const response = await this.fetch('/export/exports', post('application/json', JSON.stringify({ rows })))
    return response.headers.get('location') ?? ''
  }

  /** How many exports have been run since the examples were started. */
  async exportRuns(): Promise<number> {
    return ((await (await this.fetch('/export/runs')).json()) as { runs: number }).runs
  }

  // A connection that is kept would be broken off with those of the streams.
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...init, headers: { ...init.headers, Connection: 'close' } })
  }

  /** Resolves to the requests for a path once there are so many, and each has been answered. */
  async answered(path: string, count: number): Promise<Seen[]> {
    for (;;) {
      const seen = this.served.seen(path)
      if (seen.filter(({ status }) => status !== undefined).length >= count) return seen
      await sleep(10)
    }
  }
}

const post = (type: string, body: string) => ({ method: 'POST', body, headers: { 'Content-Type': type } })
