const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const clockTime = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** What is shown where there is no figure. */
export const NONE = '–'

export const count = number => whole.format(number)

/** A figure that may be a fraction: decimals only where they tell something. */
export const rate = number => (number < 100 ? exact : whole).format(number)

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** Bytes as a number and a unit of thousands. */
export function bytesParts(bytes) {
  const step = bytes < 1_000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  const number = bytes / 1_000 ** step
  const digits = step === 0 || number >= 100 ? 0 : 1
  const text = new Intl.NumberFormat('en', {
    minimumFractionDigits: Number.isInteger(number) ? 0 : digits,
    maximumFractionDigits: digits,
  }).format(number)
  return [text, UNITS[step]]
}

export const bytes = number => bytesParts(number).join(' ')

/** A time span in its two largest units. */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`
}

/** The time of day, by the clock of who looks on. */
export const clock = milliseconds => clockTime.format(milliseconds)

export const sum = counts => Object.values(counts).reduce((total, number) => total + number, 0)
