// An old Node must get as far as the message below: no syntax and no imports in these scripts that Node 14 lacks.

import { textOf } from './files.mjs'
import { Failure } from './run.mjs'

/** @throws {Failure} if this Node is not one that package.json's `engines` asks for. */
export function checkNode() {
  const wanted = JSON.parse(textOf('package.json')).engines.node
  if (wanted.split('||').some(range => satisfies(process.versions.node, range.trim()))) return
  throw new Failure(
    `koa-eventfeed needs Node ${wanted}, and this is Node ${process.versions.node}: install a newer one.`,
  )
}

// The two forms that `engines` uses: ">=20.19" and "^20.19".
function satisfies(version, range) {
  const [major, minor] = version.split('.').map(Number)
  const [wantedMajor, wantedMinor = 0] = range.match(/\d+/g).map(Number)
  if (major !== wantedMajor) return major > wantedMajor && range.startsWith('>=')
  return minor >= wantedMinor
}
