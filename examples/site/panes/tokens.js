import { keep, kept } from '../address.js'
import { element, labelled } from '../dom.js'
import { watchJob } from '../job.js'
import { post, request } from '../request.js'

const endings = { failed: 'The answer broke off.', gone: 'This answer is gone: ask again.' }

/** A prompt is posted, and the answer is read word by word. The page's address keeps which one it is. */
export function show(pane, url, say) {
  const { form, input, button } = promptForm()
  const answer = element('p', { className: 'answer' })
  const result = element('p', { className: 'result' })
  let running

  // Busy while words arrive, so that a screen reader reads the answer once, at its end.
  const setRunning = id => {
    running = id
    button.textContent = id === undefined ? 'Send' : 'Stop'
    answer.setAttribute('aria-busy', String(id !== undefined))
  }
  const addressOf = id => `${url}/${encodeURIComponent(id)}`
  const read = id => {
    const clear = () => {
      answer.textContent = ''
    }
    const end = outcome => {
      setRunning(undefined)
      if (outcome?.cancelled) say('ended', 'stopped')
      else result.textContent = outcome === undefined ? endings.gone : outcome.failed ? endings.failed : ''
    }
    clear()
    setRunning(id)
    const message = ({ choices: [{ delta }] }) => answer.append(delta.content)
    return watchJob(addressOf(id), say, { message, restart: clear, end })
  }
  const ask = async () => {
    const response = await post(url, { prompt: input.value })
    const { id } = await response.json()
    keep('answer', id)
    read(id).hurry()
  }
  form.addEventListener('submit', async event => {
    event.preventDefault()
    result.textContent = ''
    try {
      await (running === undefined ? ask() : request(addressOf(running), { method: 'DELETE' }))
    } catch (error) {
      result.textContent = error.message
    }
  })
  answer.setAttribute('aria-live', 'polite')
  result.setAttribute('role', 'status')
  pane.append(form, answer, result)
  const id = kept('answer')
  if (id !== undefined) read(id)
}

function promptForm() {
  const form = element('form')
  const input = Object.assign(element('input'), { name: 'prompt', required: true, autocomplete: 'off' })
  const button = element('button', { text: 'Send' })
  input.value = 'What is SSE?'
  form.append(labelled('Prompt', input), button)
  return { form, input, button }
}
