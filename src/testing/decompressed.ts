import type { IncomingMessage } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import { createBrotliDecompress, createUnzip } from 'node:zlib'

/** The body of a response as it was before a server compressed it; an encoding that is not known stays. */
export function decompressed(response: IncomingMessage): Readable {
  switch (response.headers['content-encoding']?.toLowerCase()) {
    case 'gzip':
    case 'deflate':
      return pipeline(response, createUnzip(), ignore)
    case 'br':
      return pipeline(response, createBrotliDecompress(), ignore)
    default:
      return response
  }
}

// The stream that pipeline answers tells of the same error.
function ignore(): void {}
