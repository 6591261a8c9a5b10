import { readFileSync } from 'node:fs'
import { adapted } from './configuration.js'
import { written } from './proxy.js'
import { certificate, certificateKey, type Place } from './stage.js'

/** HAProxy with docs/deployment/haproxy.cfg, and beside it with a cache and compression for all. */
export function haproxyCommand({ folder, ports, origin }: Place<'tls' | 'plain'>): string[] {
  const only = {
    'server one 127.0.0.1:3000 check': `server one 127.0.0.1:${origin}`,
    'server two 127.0.0.1:3001 check': '',
  }
  const shortly = { 'timeout client 60s': 'timeout client 1s', 'timeout server 60s': 'timeout server 1s' }
  const cfg = webOn(folder, ports.tls, { ...only, ...shortly })
  return ['-db', '-f', cfg, '-f', written(folder, 'cache.cfg', everythingOn(ports.plain, origin))]
}

/** docs/deployment/haproxy.cfg with a port, a certificate, and other changes; its path. */
export function webOn(folder: string, port: number, changes: Record<string, string>): string {
  const pem = written(folder, 'site.pem', readFileSync(certificate, 'utf8') + readFileSync(certificateKey, 'utf8'))
  const text = adapted('haproxy.cfg', {
    'bind :443': `bind 127.0.0.1:${port}`,
    '/etc/haproxy/example.com.pem': pem,
    ...changes,
  })
  return written(folder, 'haproxy.cfg', text)
}

const everythingOn = (port: number, origin: number) => `
cache all
    total-max-size 4
    max-age 60

listen everything
    bind 127.0.0.1:${port}
    compression algo gzip
    compression type text/event-stream text/plain
    http-request cache-use all
    http-response cache-store all
    server one 127.0.0.1:${origin}
`
