/** A place in a channel: after the event that it names. */
export interface Position {
  /** Random; made when the channel's history is created, or created again. Empty where there is no history: then it is no id. */
  readonly epoch: string
  /** 1, 2, 3 … within the epoch; 0 before its first event. */
  readonly offset: number
  /** The tag of the event before. */
  readonly parent: string
  /** Random; this event's own. */
  readonly tag: string
}

const FORMAT = /^([A-Za-z0-9_-]{1,32})\.(\d{1,15})\.([A-Za-z0-9_-]{8,32})$/

/** `epoch.offset.link`, where the link is the parent's tag followed by the event's own. */
export function formatPosition({ epoch, offset, parent, tag }: Position): string {
  return `${epoch}.${offset}.${parent}${tag}`
}

/** The id of an event that has none of its publisher: its position, unless that counts in this process only. */
export function idOf(position: Position): string | undefined {
  return position.epoch === '' ? undefined : formatPosition(position)
}

/** The position that a text names, or undefined if it names none. */
export function parsePosition(text: string): Position | undefined {
  const [, epoch, offset, link] = FORMAT.exec(text) ?? []
  if (epoch === undefined || link === undefined || link.length % 2 !== 0) return undefined
  const half = link.length / 2
  return { epoch, offset: Number(offset), parent: link.slice(0, half), tag: link.slice(half) }
}

/** The position before one that is not the first. Its own parent is not known. */
export function previous({ epoch, offset, parent }: Position): Position {
  return { epoch, offset: offset - 1, parent, tag: parent }
}

export function isSamePosition(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.offset === b.offset && a.tag === b.tag
}

/** Whether nothing lies between two positions. Offsets alone do not tell: after a failover they are issued again. */
export function follows(next: Position, previous: Position): boolean {
  return next.epoch === previous.epoch && next.offset === previous.offset + 1 && next.parent === previous.tag
}

/** Where an ID leads that is no position: the events after it cannot be had. */
export const NOWHERE: Position = { epoch: '', offset: 0, parent: '', tag: '' }

/** Stands for no position in an id. */
export const NO_POSITION = '-'
