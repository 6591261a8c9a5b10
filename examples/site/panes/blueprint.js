import { channelInView } from '../channel.js'
import { addItem, element, labelled } from '../dom.js'
import { post } from '../request.js'

const STREAMS = ['clock', 'dice', 'progress', 'sse/news', 'two/news']
const KEPT = 5

/** One stream of the blueprint at a time, a form that publishes to its channel, and a button that starts a job. */
export function show(pane, url, say) {
  const lines = element('ol', { className: 'lines' })
  const { form, stream, text } = blueprintForm()
  const foot = element('div', { className: 'foot' })
  const result = element('p', { className: 'result' })
  const start = Object.assign(element('button', { text: 'Start a job' }), { type: 'button' })
  const job = element('option', { text: 'job' })
  let leave
  lines.dataset.empty = 'No event yet.'
  result.setAttribute('role', 'status')
  foot.append(result, start)
  pane.append(lines, form, foot)

  const urlOf = path => new URL(path, new URL(url, location.href))
  const add = line => addItem(lines, element('li', { text: line }), KEPT)
  const watch = address => {
    leave?.()
    lines.replaceChildren()
    result.textContent = ''
    // Only streams of channels begin with `stream-open`.
    const on = { open: () => say('live'), message: add, 'stream-end': () => add('That is the end.') }
    leave = channelInView(pane, address, say, on, add)
  }
  const run = async (action, words) => {
    result.textContent = ''
    try {
      await action()
      result.textContent = words
    } catch (error) {
      result.textContent = error.message
    }
  }
  form.addEventListener('submit', event => {
    event.preventDefault()
    run(() => post(urlOf('sse/news'), text.value), 'Published to news.')
  })
  const startJob = async () => {
    const response = await post(urlOf('jobs'), { name: 'report' })
    job.value = (await response.json()).watch
    stream.append(job)
    stream.value = job.value
    watch(job.value)
  }
  start.addEventListener('click', () => run(startJob, 'The job has been started.'))
  stream.addEventListener('change', () => watch(urlOf(stream.value)))
  watch(urlOf(stream.value))
}

function blueprintForm() {
  const form = element('form', { className: 'chat' })
  const stream = element('select')
  const text = Object.assign(element('input'), { required: true, value: 'Hello', autocomplete: 'off' })
  stream.append(...STREAMS.map(name => element('option', { text: name })))
  form.append(labelled('Stream', stream), labelled('To news', text), element('button', { text: 'Publish' }))
  return { form, stream, text }
}
