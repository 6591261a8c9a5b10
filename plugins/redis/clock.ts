/**
 * The server's clock, as far as its answers tell: a command then carries the time until which it may be executed. Without that, what a
 * frozen server has in its buffers would be published when it thaws, long after the publisher was told that it failed.
 */
export class ServerClock {
  #ahead: number | undefined

  /** The server's time just now: milliseconds since 1970. */
  heard(now: number): void {
    this.#ahead = now - performance.now()
  }

  /** The server's time in so many milliseconds; 0 while nothing is known of it. */
  in(ms: number): number {
    return this.#ahead === undefined ? 0 : Math.ceil(performance.now() + this.#ahead + ms)
  }
}
