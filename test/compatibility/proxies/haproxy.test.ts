import { expect, test } from '@jest/globals'
import { proveBalancing } from './balanced.js'
import {
  expectEvents,
  proveAddress,
  proveLeaving,
  proveLeavingLate,
  proveNothingCached,
  proveStreams,
} from './claims.js'
import { open } from './client.js'
import { isShown } from './configuration.js'
import { haproxyCommand, webOn } from './haproxy-configuration.js'
import { describeProgram, haproxy } from './program.js'
import { stage } from './stage.js'

describeProgram(haproxy, path => {
  const { origin, url } = stage(path, ['tls', 'plain'], haproxyCommand)

  const timeout = 'timeout client and timeout server'
  const http2 = { name: 'HTTP/2 with TLS', url: url('h2', 'tls'), origin, timeout }
  proveStreams(http2)
  proveLeaving(http2)

  const http1 = { name: 'HTTP/1.1 with TLS', url: url('https', 'tls'), origin, timeout }
  proveStreams(http1)
  proveLeavingLate(http1, 'second')
  proveAddress(http1)

  const plain = { name: 'cache and compression', url: url('http', 'plain'), origin, timeout }
  proveNothingCached(plain)

  test('compression for event streams: they go as they are, and every event comes as soon as it is published', async () => {
    const headers = { 'Accept-Encoding': 'gzip' }
    using stream = await open(`${plain.url()}/sse/news/unkept`, headers)
    using counter = await open(`${plain.url()}/counter`, headers)
    expect([stream, counter].map(({ headers }) => headers['content-encoding'])).toEqual([undefined, 'gzip'])
    await expectEvents(stream, origin())
  })

  proveBalancing(path, (folder, { web, one, two }) => {
    const servers = { '127.0.0.1:3000': `127.0.0.1:${one}`, '127.0.0.1:3001': `127.0.0.1:${two}` }
    return ['-db', '-f', webOn(folder, web, servers)]
  })

  test('the settings of these tests are those that docs/deployment.md shows', () => {
    expect(isShown('haproxy.cfg')).toBe(true)
  })
})
