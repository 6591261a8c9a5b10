import type Koa from 'koa'
import { app as clock } from './clock.js'
import { app as counter } from './counter.js'
import { app as progress } from './progress.js'
import { app as tokens } from './tokens.js'

/** One example on the page. To add one, write its file and add an entry here. */
export interface Example {
  /** Where the app is mounted, and the name of its file: `clock` is `examples/clock.ts`, served below `/clock`. */
  name: string
  title: string
  /** One or two sentences for a newcomer; a part in backticks is shown as code. */
  summary: string
  method: 'GET' | 'POST'
  /** The stream's path inside the app. */
  stream: string
  /** Which module of `site/panes` shows the stream. */
  pane: 'latest' | 'lines' | 'progress' | 'tokens'
  app: Koa
}

export const examples: Example[] = [
  {
    name: 'clock',
    title: 'Clock',
    summary: 'A function that is called once a second. Whatever it returns is the next event: that is `streamFunc`.',
    method: 'GET',
    stream: '/eventfeed',
    pane: 'latest',
    app: clock,
  },
  {
    name: 'counter',
    title: 'Counter',
    summary: 'An async generator that never ends. Every client has its own, and it stops when the client leaves.',
    method: 'GET',
    stream: '/sse',
    pane: 'lines',
    app: counter,
  },
  {
    name: 'progress',
    title: 'Progress bar',
    summary:
      'A job that ends. A plain `EventSource` runs it once, and goes on where it was if the connection breaks in between.',
    method: 'GET',
    stream: '/progressfeed',
    pane: 'progress',
    app: progress,
  },
  {
    name: 'tokens',
    title: 'Token stream',
    summary: 'A prompt is posted, and the answer arrives word by word, in the format that language models speak.',
    method: 'POST',
    stream: '/chat',
    pane: 'tokens',
    app: tokens,
  },
]
