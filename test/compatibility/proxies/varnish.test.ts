import { expect, test } from '@jest/globals'
import { proveAddress, proveLeaving, proveLeavingLate, proveNothingCached, proveStreams } from './claims.js'
import { adapted, isShown } from './configuration.js'
import { describeProgram, varnish } from './program.js'
import { written } from './proxy.js'
import { type Place, stage } from './stage.js'

describeProgram(varnish, path => {
  const shown = stage(path, ['web'], place =>
    varnishCommand(place, adapted('default.vcl', { '3000': `${place.origin}` })),
  )
  const piped = { name: 'streams piped', url: shown.url('http', 'web'), origin: shown.origin, timeout: 'pipe_timeout' }
  proveStreams(piped)
  proveLeaving(piped)
  proveNothingCached(piped)
  proveAddress(piped)

  const bare = stage(path, ['web'], place => varnishCommand(place, backendOnly(place.origin)))
  const passed = {
    name: "Varnish's own rules alone",
    url: bare.url('http', 'web'),
    origin: bare.origin,
    timeout: 'between_bytes_timeout',
  }
  proveStreams(passed)
  proveLeavingLate(passed, 'third')
  proveNothingCached(passed)

  test('the settings of these tests are those that docs/deployment.md shows', () => {
    expect(isShown('default.vcl')).toBe(true)
  })
})

const backendOnly = (port: number) => `vcl 4.1;\nbackend app { .host = "127.0.0.1"; .port = "${port}"; }\n`

/** In the foreground, as the user that runs the tests, and with timeouts of a second in the place of a minute. */
function varnishCommand({ folder, ports }: Place<'web'>, vcl: string): string[] {
  const where = ['-F', '-j', 'none', '-n', folder, '-T', 'none', '-a', `127.0.0.1:${ports.web}`, '-s', 'malloc,8m']
  const timeouts = ['-p', 'pipe_timeout=1', '-p', 'between_bytes_timeout=1']
  return [...where, ...timeouts, '-f', written(folder, 'default.vcl', vcl)]
}
