import type Koa from 'koa'
import type { SseRouter } from 'koa-eventfeed'
import * as announcer from './announcer.js'
import * as blueprint from './blueprint.js'
import * as chat from './chat.js'
import * as clock from './clock.js'
import * as counter from './counter.js'
import * as exporting from './export.js'
import * as flask from './flask.js'
import * as notifications from './notifications.js'
import * as operations from './operations.js'
import { redisUrl } from './plugin.js'
import * as price from './price.js'
import * as progress from './progress.js'
import * as publish from './publish.js'
import * as redisChat from './redis-chat.js'
import * as tokens from './tokens.js'

/** One example on the page. To add one, write its file and add an entry here. */
export interface Example {
  /** Where the app is mounted, and the name of its file: `clock` is `examples/clock.ts`, served below `/clock`. */
  name: string
  title: string
  /** One or two sentences for a newcomer; a part in backticks is shown as code. */
  summary: string
  /** How to try it from outside, or what it needs for that; backticks as above. */
  note?: string
  method: 'GET' | 'POST'
  /** Inside the app: the path of the stream, or of what answers with a stream's address. */
  stream: string
  /** The module of `site/panes` that shows it; left out where that has the example's name. */
  pane?: 'latest' | 'lines'
  app: Koa
  /** Closed when the server stops. */
  sse: SseRouter
}

/** What to type where there is a Redis; how to have one where there is none. */
function overRedis(command: string): string {
  return redisUrl
    ? `From elsewhere: \`redis-cli ${command}\``
    : `Started with \`REDIS_URL=redis://localhost npm start\`, it also hears \`redis-cli ${command}\`.`
}

export const examples: Example[] = [
  {
    name: 'clock',
    title: 'Clock',
    summary: 'A function that is called once a second. Whatever it returns is the next event: that is `streamFunc`.',
    method: 'GET',
    stream: '/eventfeed',
    pane: 'latest',
    ...clock,
  },
  {
    name: 'counter',
    title: 'Counter',
    summary: 'An async generator that never ends. Every client has its own, and it stops when the client leaves.',
    method: 'GET',
    stream: '/sse',
    pane: 'lines',
    ...counter,
  },
  {
    name: 'progress',
    title: 'Progress bar',
    summary:
      'A job that ends, run once for all who watch it: that is `share`. Reload the page in between: the bar goes on where it was.',
    method: 'GET',
    stream: '/progressfeed',
    ...progress,
  },
  {
    name: 'tokens',
    title: 'Token stream',
    summary:
      'A prompt is posted, and the answer arrives word by word. Reload the page in the middle of a sentence: it goes on there, and the model has run once.',
    method: 'POST',
    note: 'All in one response, as clients of language models want it: `POST /tokens/chat`.',
    stream: '/answers',
    ...tokens,
  },
  {
    name: 'export',
    title: 'Export',
    summary:
      'A job that is started by POST and goes on whoever watches: `detached`. Open the address of this page in another browser, and it sees the same job.',
    method: 'POST',
    stream: '/exports',
    ...exporting,
  },
  {
    name: 'chat',
    title: 'Chat',
    summary:
      'Each room is a channel. Open the page in a second tab: a newcomer sees the last messages, and whoever was cut off gets what was missed.',
    method: 'GET',
    stream: '/rooms/lobby',
    ...chat,
  },
  {
    name: 'announcer',
    title: 'Announcer',
    summary: 'The smallest channel: `publish` in one route, and every client of the other one gets it.',
    method: 'GET',
    stream: '/listen',
    ...announcer,
  },
  {
    name: 'notifications',
    title: 'Notifications',
    summary: 'Events of an `EventEmitter`, bound to a channel. Each arrives under its own name.',
    method: 'GET',
    stream: '/events',
    ...notifications,
  },
  {
    name: 'price',
    title: 'Price',
    summary:
      'A value that something else writes, looked up every two seconds, once for all viewers: `share: true`. Only a change is an event: `changes: true`.',
    note: overRedis('SET current_price 101'),
    method: 'GET',
    stream: '/sse',
    ...price,
  },
  {
    name: 'publish',
    title: 'Publish',
    summary:
      'What is posted as JSON reaches every client: `publisher`. With @koa/cors pages of other origins may read and publish too, such as the one that a button opens here.',
    note: overRedis('PUBLISH sse hello'),
    method: 'GET',
    stream: '/sse',
    ...publish,
  },
  {
    name: 'flask',
    title: 'Flask-SSE',
    summary: 'The quickstart of Flask-SSE: one route publishes a greeting, the other streams a channel.',
    note: overRedis(`PUBLISH flask:sse '{"data": "Hi", "type": "greeting"}'`),
    method: 'GET',
    stream: '/stream',
    ...flask,
  },
  {
    name: 'redis-chat',
    title: 'Session chat',
    summary: 'Log in, and a session cookie tells who writes. Who does not is `anonymous`.',
    method: 'GET',
    stream: '/stream',
    ...redisChat,
  },
  {
    name: 'blueprint',
    title: 'Blueprint',
    summary:
      'One router with all of it: a generator, a function with a limit, channels, and a job that is started by POST and watched on a channel of its own.',
    method: 'GET',
    stream: '/clock',
    ...blueprint,
  },
  {
    name: 'operations',
    title: 'Operations',
    summary:
      'What someone sees who runs this: limits, metrics for Prometheus at `/operations/metrics`, and a live view of channels and connections: `sse.dashboard`.',
    method: 'GET',
    stream: '/prices',
    ...operations,
  },
]
