/** A random whole number from half of it to one and a half: so that clients who are sent away together do not come back together. */
export function jittered(milliseconds: number): number {
  return Math.max(1, Math.round(milliseconds * (0.5 + Math.random())))
}
