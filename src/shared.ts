/** Work that is under way, by what it is for: who asks for the same meanwhile shares it. */
export class Shared<T> {
  readonly #underWay = new Map<string, Promise<T>>()

  of(key: string, begin: () => Promise<T>): Promise<T> {
    const known = this.#underWay.get(key)
    if (known) return known
    const begun = begin().finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, begun)
    return begun
  }
}
