/**
 * Opens an EventSource and says how the connection stands: connecting, live, reconnecting, ended. Returns a function
 * that closes it.
 */
export function openStream(url, say, onMessage, onEnd = () => {}) {
  const source = new EventSource(url)
  say('connecting')
  source.addEventListener('open', () => say('live'))
  source.addEventListener('message', event => onMessage(event.data))
  source.addEventListener('error', () => {
    const ended = source.readyState === EventSource.CLOSED
    say(ended ? 'ended' : 'reconnecting')
    if (ended) onEnd()
  })
  return () => source.close()
}

/**
 * Calls `start` when the element comes into view and what `start` returned when it leaves it, or when the tab is
 * hidden: over HTTP/1.1 a browser opens six connections to a host, and all tabs share them.
 */
export function whileInView(element, start) {
  let inView = false
  let stop
  const update = () => {
    const wanted = inView && !document.hidden
    if (wanted) stop ??= start()
    else {
      stop?.()
      stop = undefined
    }
  }
  const observer = new IntersectionObserver(entries => {
    inView = entries.at(-1).isIntersecting
    update()
  })
  observer.observe(element)
  document.addEventListener('visibilitychange', update)
}

/** An endless stream: open while the element is in view. */
export function streamInView(element, url, say, onMessage) {
  whileInView(element, () => {
    const close = openStream(url, say, onMessage)
    return () => {
      close()
      say('paused')
    }
  })
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
