import { randomBytes } from 'node:crypto'

/** Characters of a tag: 24 random bits tell two entries of one offset apart. */
const LENGTH = 4

// Random bytes are dear one by one.
let pool = ''
let used = 0

/** A random text of the characters that an ID may hold. */
export function randomTag(): string {
  if (used === pool.length) {
    pool = randomBytes(3_072).toString('base64url')
    used = 0
  }
  used += LENGTH
  return pool.slice(used - LENGTH, used)
}
