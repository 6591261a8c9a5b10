import { fail, listen } from './listen.js'
import { ready, redisUrl } from './plugin.js'

const isUrl = redisUrl === undefined || /^rediss?:\/\/./.test(redisUrl)
if (!isUrl) fail('REDIS_URL must be like redis://user:password@host:6379/0, or rediss://… for TLS.')

const { app, close } = await import('./gallery.js')
await ready().catch(({ message }: Error) => fail(`${message}. Without REDIS_URL the examples need no Redis.`))
listen(app, close)
