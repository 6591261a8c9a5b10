import { execFileSync } from 'node:child_process'
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'

const [, script, url, isOther] = process.argv
const pubsub = new PubSub({ plugin: redisPlugin({ url }) })
if (isOther) {
  await pubsub.publish('hello from another process')
} else {
  const events = pubsub.subscribe('sse', { limit: 1 })
  await events.ready
  execFileSync(process.execPath, [script, url, 'other'])
  for await (const { data } of events) console.log(data)
}
await pubsub.close()
