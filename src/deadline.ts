import { MAX_TIMEOUT } from './checks.js'

/** Calls back at a time, in milliseconds since 1970, however far off. Returns what undoes it. */
export function callAt(time: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = () => {
    timer = setTimeout(check, Math.min(Math.max(time - Date.now(), 1), MAX_TIMEOUT)).unref()
  }
  // A timer of Node waits for 24 days at most, and may be a millisecond early.
  const check = () => (Date.now() < time ? arm() : callback())
  arm()
  return () => clearTimeout(timer)
}
