import type { Random } from '../model/random.js'

/** What is wrong with how an input was taken. */
export class Finding extends Error {
  /** The input, so that it can be tried again. */
  readonly input: string

  constructor(message: string, input: string) {
    super(message)
    this.input = input
  }
}

/** Where inputs are tried. */
export interface Target extends AsyncDisposable {
  readonly name: string
  /** How many inputs are tried at the same time. */
  readonly width: number
  /** Tries one input. @throws {Finding} */
  attempt(random: Random): Promise<void>
  /** What is tried now: when the process fails, one of these was the cause. */
  underWay(): readonly string[]
  /** Ends what the target has for all of its inputs, and checks what can be checked then only. @throws {Finding} */
  settle(): Promise<void>
}

/** Bytes as a text that can be pasted: `Buffer.from(text, 'latin1')` after JSON.parse. */
export function shown(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1')).replace(/[\x7f-\xff]/g, byte => {
    return `\\u${byte.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
