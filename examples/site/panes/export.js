import { keep, kept } from '../address.js'
import { element, labelled } from '../dom.js'
import { watchJob } from '../job.js'
import { post, request } from '../request.js'

/** A form that starts an export and then cancels it, and how far it is. The page's address keeps which one it is. */
export function show(pane, url, say) {
  const form = element('form')
  const rows = Object.assign(element('input'), { type: 'number', required: true, min: 1, max: 100_000, value: '2000' })
  const button = element('button')
  const count = element('p', { className: 'percent' })
  const bar = Object.assign(element('progress'), { value: 0 })
  const result = element('p', { className: 'result' })
  let running
  bar.setAttribute('aria-label', 'Progress of the export')
  result.setAttribute('role', 'status')
  form.append(labelled('Rows', rows), button)
  pane.append(form, count, bar, result)

  const setRunning = id => {
    running = id
    button.textContent = id === undefined ? 'Export' : 'Cancel'
  }
  const set = ({ done, rows }) => {
    Object.assign(bar, { max: rows, value: done })
    count.textContent = `${done} of ${rows} rows`
  }
  const begin = () => set({ done: 0, rows: rows.valueAsNumber })
  const addressOf = id => `${url}/${encodeURIComponent(id)}`
  const watch = id => {
    begin()
    setRunning(id)
    result.textContent = 'The export is running.'
    const end = outcome => {
      setRunning(undefined)
      result.textContent = wordsFor(outcome)
    }
    return watchJob(addressOf(id), say, { message: set, restart: begin, end })
  }
  const start = async () => {
    const response = await post(url, { rows: rows.valueAsNumber })
    const { id } = await response.json()
    keep('export', id)
    watch(id).hurry()
  }
  form.addEventListener('submit', async event => {
    event.preventDefault()
    try {
      await (running === undefined ? start() : request(addressOf(running), { method: 'DELETE' }))
    } catch (error) {
      result.textContent = error.message
    }
  })
  setRunning(undefined)
  begin()
  const id = kept('export')
  if (id !== undefined) watch(id)
}

function wordsFor(outcome) {
  if (outcome === undefined) return 'This export is gone: start another one.'
  if (outcome.cancelled) return 'Cancelled.'
  return outcome.failed ? 'The export failed.' : 'Done.'
}
