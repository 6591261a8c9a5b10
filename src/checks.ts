// What is wrong with an option is said in the same words everywhere: a TypeError for its type, a RangeError for its value.

/** The longest time that a timer of Node can wait, in milliseconds. */
export const MAX_TIMEOUT = 2 ** 31 - 1

export function positive(name: string, value: unknown, max: number): number {
  if (typeof value !== 'number') throw wrong(name, 'a number', value)
  if (value > 0 && value <= max) return value
  throw new RangeError(`${name} must be a positive number of at most ${max}, not ${value}`)
}

export function positiveInteger(name: string, value: unknown): number {
  if (typeof value !== 'number') throw wrong(name, 'a number', value)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new RangeError(`${name} must be a positive integer, not ${value}`)
}

export function flag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(name, 'true or false', value)
}

export function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value
  throw new TypeError(`${name} must be one of '${allowed.join("', '")}', not ${String(value)}`)
}

/** @throws TypeError for options that are no object, or a name among them that is not known. */
export function knownNames(taker: string, known: readonly string[], options: unknown): void {
  if (typeof options !== 'object' || options === null) throw wrong('options', 'an object', options)
  const unknown = Object.keys(options).find(name => !known.includes(name))
  if (unknown !== undefined) throw new TypeError(`${taker} has no option '${unknown}': it takes ${known.join(', ')}`)
}

export function wrong(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${expected}, not ${value === null ? 'null' : typeof value}`)
}
