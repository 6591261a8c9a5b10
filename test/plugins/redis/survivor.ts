import { setTimeout } from 'node:timers/promises'
import { inspect } from 'node:util'
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'

// What survival.test.ts runs: it publishes until its input ends, and writes down what it receives, and each error as it would be logged.

const [, , url = ''] = process.argv
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)
const tell = (error: unknown) =>
  say({ told: (error as { code?: string }).code, shown: inspect(error, { depth: 9, showHidden: true }) })

const times = { url, timeout: 200, heartbeat: 200 }
const channels = [redisPlugin({ ...times, verify: 500 }), redisPubSubPlugin(times)].map(
  plugin => new PubSub({ plugin, onError: tell }),
)
const received = channels.map(() => 0)
let over = false

async function follow(pubsub: PubSub, index: number): Promise<void> {
  while (!over) {
    try {
      for await (const { data } of pubsub.subscribe('news')) {
        received[index] = Number(data.split(' ')[0]) || (received[index] ?? 0)
        say({ tick: Math.min(...received) })
      }
    } catch (error) {
      tell(error)
      await setTimeout(50)
    }
  }
}

async function publish(pubsub: PubSub): Promise<void> {
  for (let n = 1; !over; n++) {
    // Not awaited: more than one is under way when something fails.
    pubsub.publish(`${n} private data`, { channel: 'news' }).catch(tell)
    await setTimeout(20)
  }
}

for (const [index, pubsub] of channels.entries()) {
  void follow(pubsub, index)
  void publish(pubsub)
}
process.stdin.resume().on('end', async () => {
  over = true
  await Promise.all(channels.map(pubsub => pubsub.close()))
})
