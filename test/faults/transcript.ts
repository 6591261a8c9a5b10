import type { ResetReason } from 'koa-eventfeed'

/** What became of one publishing: its id, or the code that it was rejected with. Times are milliseconds since 1970. */
export interface Published {
  readonly n: number
  readonly by: string
  readonly channel: string
  readonly begun: number
  readonly ended: number
  readonly id?: string
  readonly code?: string
}

/** A hole that a client was told of. */
export interface Hole {
  readonly reason: ResetReason
  readonly from: string | null
  readonly now: string
}

/** What a client saw, and when: milliseconds since 1970. */
export type Seen = { readonly at: number } & (
  | { readonly type: 'connect'; readonly port: number; readonly id?: string | undefined }
  | { readonly type: 'open'; readonly id: string }
  | { readonly type: 'event'; readonly id: string; readonly data: string }
  | ({ readonly type: 'reset'; readonly id: string } & Hole)
  | { readonly type: 'left' }
  | { readonly type: 'lost'; readonly why: string }
  | { readonly type: 'stopped'; readonly status: number }
)

export interface Transcript {
  readonly channel: string
  readonly records: readonly Seen[]
}
