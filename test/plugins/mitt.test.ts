import { describe, expect, test } from '@jest/globals'
import { provePlugin, SseError } from 'koa-eventfeed/testing'
import { mittPlugin } from '../../plugins/mitt/index.js'

describe('mittPlugin keeps the contract:', () => {
  provePlugin({ test, create: options => mittPlugin(options) })
})

test('a closed mittPlugin says so by a code', async () => {
  const plugin = mittPlugin()
  await plugin.close()
  const error = await plugin.publish('news', { data: '1' }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(SseError)
  expect(error).toMatchObject({ code: 'ERR_SSE_PLUGIN_CLOSED' })
})
