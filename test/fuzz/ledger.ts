import { setTimeout } from 'node:timers/promises'
import type { EventSourceMessage } from 'eventsource-parser'

/** What was accepted and what has arrived: in the end each is the other. */
export class Ledger {
  readonly #open = new Map<string, number>()

  accepted(data: unknown, event: unknown, id: unknown): void {
    this.#count(entryOf(data, event, id === undefined ? undefined : String(id)), 1)
  }

  arrived({ data, event, id }: EventSourceMessage, hasOwnId: boolean): void {
    this.#count(entryOf(data, event, hasOwnId ? id : undefined), -1)
  }

  /** What was accepted and has not arrived, or has arrived though nobody sent it; undefined for neither, within some seconds. */
  async difference(): Promise<string | undefined> {
    for (let turn = 0; turn < 300 && this.#open.size > 0; turn++) await setTimeout(10)
    const [first] = this.#open
    return first && `${first[1] > 0 ? 'accepted, and never arrived' : 'arrived, and never accepted'}: ${first[0]}`
  }

  #count(entry: string, change: number): void {
    const count = (this.#open.get(entry) ?? 0) + change
    if (count === 0) this.#open.delete(entry)
    else this.#open.set(entry, count)
  }
}

// What is no string travels as JSON, in which a few characters may be escaped or not.
function entryOf(data: unknown, event: unknown, id: unknown): string {
  const text = typeof data === 'string' ? data.replace(/\r\n?/g, '\n') : JSON.stringify(data)
  return JSON.stringify([canonical(text), event ?? null, id ?? null])
}

const canonical = (text: string) => text.replace(/[\u0085\u2028\u2029]/g, char => `\\u${hex(char)}`)

const hex = (char: string) => char.charCodeAt(0).toString(16).padStart(4, '0')
