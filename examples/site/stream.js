import { Turn } from './slots.js'

/**
 * Opens an EventSource and says how the connection stands: connecting, live, reconnecting, ended. Returns a function
 * that closes it.
 */
export function openStream(url, say, onMessage, onEnd = () => {}) {
  const source = new EventSource(url)
  say('connecting')
  source.addEventListener('open', () => say('live'))
  source.addEventListener('message', event => onMessage(event.data, event.lastEventId))
  source.addEventListener('error', () => {
    const ended = source.readyState === EventSource.CLOSED
    say(ended ? 'ended' : 'reconnecting')
    if (ended) onEnd()
  })
  return () => source.close()
}

/**
 * Calls `start` when the element is in view and a slot is free, and what `start` returned when the element leaves the view or
 * the tab is hidden. Returns a function that ends this.
 */
export function whileInView(element, say, start) {
  const closing = new AbortController()
  let inView = false
  let turn
  const stop = words => {
    turn?.leave()
    turn = undefined
    say(words)
  }
  const update = () => {
    if (!inView || document.hidden) return stop('paused')
    turn ??= new Turn(say, start)
  }
  const observer = new IntersectionObserver(entries => {
    inView = entries.at(-1).isIntersecting
    update()
  })
  observer.observe(element)
  document.addEventListener('visibilitychange', update, { signal: closing.signal })
  for (const type of ['focusin', 'pointerdown']) {
    element.addEventListener(type, () => turn?.hurry(), { signal: closing.signal })
  }
  return () => {
    closing.abort()
    observer.disconnect()
    stop('paused')
  }
}

/** An endless stream: open while the element is in view. */
export function streamInView(element, url, say, onMessage) {
  whileInView(element, say, () => openStream(url, say, onMessage))
}

/** Calls `start` when the element is first seen. */
export function onceInView(element, start) {
  const observer = new IntersectionObserver(entries => {
    if (!entries.at(-1).isIntersecting) return
    observer.disconnect()
    start()
  })
  observer.observe(element)
}
