/** Most characters of a channel's name. */
const MAX_LENGTH = 256

const CONTROL = /\p{Cc}/u

/** What is wrong with a channel's name, or undefined. */
export function faultOf(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return "A channel's name must be a string that is not empty"
  if (name.length > MAX_LENGTH) return `A channel's name may have ${MAX_LENGTH} characters at most`
  if (CONTROL.test(name) || !name.isWellFormed())
    return "A channel's name may not hold control characters or lone surrogates"
  return undefined
}

/** @throws TypeError for a name that is not allowed. */
export function checkChannel(name: string): string {
  const fault = faultOf(name)
  if (fault !== undefined) throw new TypeError(fault)
  return name
}

/** Whether a channel is one of this package's own: their names begin with a control character, which no user's may. */
export const isInternal = (name: string): boolean => name < ' '
