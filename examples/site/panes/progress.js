import { keep, kept } from '../address.js'
import { element } from '../dom.js'
import { Turn } from '../slots.js'
import { onceInView, openStream } from '../stream.js'

/**
 * A bar that fills. It starts when it is first seen, and goes on when it is scrolled away, and after a reload. The page does
 * nothing at the job's end: EventSource reconnects by itself, is answered 204, and that closes it.
 */
export function show(pane, url, say) {
  const bar = Object.assign(element('progress'), { max: 100, value: 0 })
  const percent = element('p', { className: 'percent' })
  const result = element('p', { className: 'result' })
  const again = Object.assign(element('button', { text: 'Run again' }), { type: 'button' })
  const foot = element('div', { className: 'foot' })
  bar.setAttribute('aria-label', 'Progress of the job')
  result.setAttribute('role', 'status')
  foot.append(result, again)
  pane.append(percent, bar, foot)

  const set = value => {
    bar.value = value
    percent.textContent = `${value} %`
  }
  // Not `disabled`: that would take the keyboard's focus away from whoever has just pressed it.
  const setRunning = running => again.setAttribute('aria-disabled', String(running))
  const run = job => {
    let runs = 0
    let last = 100
    let seen = ''
    keep('job', job)
    setRunning(true)
    set(0)
    result.textContent = 'The job is running.'
    const onMessage = (data, id) => {
      seen = id
      const { progress } = JSON.parse(data)
      if (progress <= last) runs++
      last = progress
      set(progress)
    }
    const onEnd = () => {
      turn.leave()
      setRunning(false)
      result.textContent = bar.value < 100 ? 'The stream broke off.' : `Done. The job ran ${times(runs)}.`
    }
    // Another pane may take its connection; then it goes on where it was when it gets one again.
    const turn = new Turn(say, () => {
      const query = new URLSearchParams({ job, ...(seen !== '' && { lastEventId: seen }) })
      return openStream(`${url}?${query}`, say, onMessage, onEnd)
    })
  }
  set(0)
  again.addEventListener('click', () => {
    if (again.getAttribute('aria-disabled') !== 'true') run(newName())
  })
  onceInView(pane, () => run(kept('job') ?? newName()))
}

// crypto.randomUUID is there on pages from localhost or over HTTPS only.
function newName() {
  return Math.random().toString(36).slice(2)
}

function times(count) {
  return count === 1 ? 'once' : `${count} times`
}
