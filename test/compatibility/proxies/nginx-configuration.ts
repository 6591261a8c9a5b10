import { join } from 'node:path'
import { adapted } from './configuration.js'
import { written } from './proxy.js'
import { certificate, certificateKey, type Place } from './stage.js'

/** nginx with both files of docs/deployment/, within an `http` block that has what an administrator may have put there. */
export function nginxCommand({ folder, ports, origin }: Place<'plain' | 'tls'>): string[] {
  const app = { '127.0.0.1:3000': `127.0.0.1:${origin}` }
  const plain = adapted('nginx-minimal.conf', { ...app, 'listen 80': `listen 127.0.0.1:${ports.plain}` })
  const tls = withTls(ports.tls, {
    ...app,
    '    server 127.0.0.1:3001;\n': '',
    'proxy_read_timeout 60s': 'proxy_read_timeout 1s',
  })
  const cache = `proxy_cache_path ${join(folder, 'cache')} keys_zone=all:1m; proxy_cache all; proxy_cache_valid any 1m;`
  const settings = `gzip on; gzip_types text/event-stream; proxy_read_timeout 5s; ${cache}`
  return nginxArgs(folder, `${settings}\n${plain}\n${tls}`)
}

/** docs/deployment/nginx.conf with a port, a certificate, and other changes. */
export const withTls = (port: number, changes: Record<string, string>) =>
  adapted('nginx.conf', {
    'listen 443': `listen 127.0.0.1:${port}`,
    '/etc/ssl/example.com.pem': certificate,
    '/etc/ssl/example.com.key': certificateKey,
    ...changes,
  })

/** The command line for an `http` block, in the foreground and with all files in a folder. */
export function nginxArgs(folder: string, http: string): string[] {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map(name => `${name}_temp_path ${join(folder, name)};`)
    .join(' ')
  const files = `daemon off; pid ${join(folder, 'pid')}; error_log stderr;`
  const text = `${files}\nevents {}\nhttp {\naccess_log off; ${temporary}\n${http}\n}\n`
  return ['-e', 'stderr', '-p', folder, '-c', written(folder, 'nginx.conf', text)]
}
