/** Answers that are waited for, each for a time, and that may all fail together. */
export class Limited {
  readonly #rejects = new Set<(error: unknown) => void>()

  /** What is answered, unless `rejectAll` is called before, or so many milliseconds have passed: then what `late` makes is thrown. */
  run<T>(answer: Promise<T>, ms: number, late: () => Error): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        this.#rejects.delete(fail)
      }
      const fail = (error: unknown) => {
        leave()
        reject(error)
      }
      const timer = setTimeout(() => fail(late()), ms)
      this.#rejects.add(fail)
      answer.then(value => {
        leave()
        resolve(value)
      }, fail)
    })
  }

  rejectAll(error: unknown): void {
    for (const reject of [...this.#rejects]) reject(error)
  }
}
