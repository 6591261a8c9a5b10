// What is in this folder is never run: the type checker, which `npm run check` and `npm test` call, is the test. Under
// `@ts-expect-error` stands what it must refuse.

// Two functions that are generic in the same way are one type only if these two are, `any` and `readonly` included.
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** `exactly<Type>()(value)` is refused unless the value is of that type: not a narrower one, and not `any`. */
export declare function exactly<Expected>(): <Actual>(
  value: Actual,
  ...wrong: Same<Expected, Actual> extends true ? [] : [mustBe: Expected]
) => void
