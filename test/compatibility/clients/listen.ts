import { Inbox } from './inbox.js'

/** What the packages that are written after EventSource have in common. */
interface Source {
  readonly readyState: number
  close(): void
  addEventListener(name: string, listener: (event: unknown) => void): void
}

/** Collects what an EventSource hears, and adds it to those that are to be closed. */
export function listen<S extends Source>(source: S, names: string[], opened: S[]): Inbox {
  const inbox = new Inbox()
  opened.push(source)
  for (const event of names) {
    source.addEventListener(event, message => {
      const { data, lastEventId: id } = message as { data: string; lastEventId: string }
      inbox.push({ event, data, id })
    })
  }
  source.addEventListener('error', () => {
    if (source.readyState === 2) inbox.stop()
  })
  return inbox
}
