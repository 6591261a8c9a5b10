import type Koa from 'koa'
import { app as announcer } from './announcer.js'
import { app as chat } from './chat.js'
import { app as clock } from './clock.js'
import { app as counter } from './counter.js'
import { app as notifications } from './notifications.js'
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
  pane: 'announcer' | 'chat' | 'latest' | 'lines' | 'notifications' | 'progress' | 'tokens'
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
  {
    name: 'chat',
    title: 'Chat',
    summary:
      'Each room is a channel. Open the page in a second tab: a newcomer sees the last messages, and whoever was cut off gets what was missed.',
    method: 'GET',
    stream: '/rooms/lobby',
    pane: 'chat',
    app: chat,
  },
  {
    name: 'announcer',
    title: 'Announcer',
    summary: 'The smallest channel: `publish` in one route, and every client of the other one gets it.',
    method: 'GET',
    stream: '/listen',
    pane: 'announcer',
    app: announcer,
  },
  {
    name: 'notifications',
    title: 'Notifications',
    summary: 'Events of an `EventEmitter`, bound to a channel. Each arrives under its own name.',
    method: 'GET',
    stream: '/events',
    pane: 'notifications',
    app: notifications,
  },
]
