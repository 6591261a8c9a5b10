import { expect, test } from '@jest/globals'
import { proveBalancing } from './balanced.js'
import { expectEvents, proveAddress, proveLeaving, proveNothingCached, proveStreams } from './claims.js'
import { open } from './client.js'
import { isShown } from './configuration.js'
import { nginxArgs, nginxCommand, withTls } from './nginx-configuration.js'
import { describeProgram, nginx } from './program.js'
import { stage } from './stage.js'

describeProgram(nginx, path => {
  const { origin, url } = stage(path, ['plain', 'tls'], nginxCommand)

  const timeout = 'proxy_read_timeout'
  const name = 'N1, N2: HTTP/1.0 to the app, buffering, gzip and proxy_cache on'
  const plain = { name, url: url('http', 'plain'), origin, timeout: `${timeout} 5s` }
  proveStreams(plain)
  proveLeaving(plain)
  proveNothingCached({ ...plain, name: 'proxy_cache for all' })

  test('N2: gzip for event streams: every event is compressed, and comes as soon as it is published', async () => {
    using stream = await open(`${plain.url()}/sse/news/unkept`, { 'Accept-Encoding': 'gzip' })
    expect(stream.headers['content-encoding']).toBe('gzip')
    await expectEvents(stream, origin())
  })

  const tls = { name: 'HTTP/2 with TLS', url: url('h2', 'tls'), origin, timeout: `${timeout} 1s` }
  proveStreams(tls)
  proveLeaving(tls)
  proveNothingCached(tls)
  proveAddress(tls)

  proveBalancing(path, (folder, { web, one, two }) =>
    nginxArgs(folder, withTls(web, { '127.0.0.1:3000': `127.0.0.1:${one}`, '127.0.0.1:3001': `127.0.0.1:${two}` })),
  )

  test('the settings of these tests are those that docs/deployment.md shows', () => {
    expect(['nginx-minimal.conf', 'nginx.conf', 'server.mjs'].map(isShown)).toEqual([true, true, true])
  })
})
