import { element } from '../dom.js'
import { post } from '../request.js'

/** A prompt is posted with fetch, and the answer is read from the response as it arrives. */
export function show(pane, url, say) {
  const { form, input, button } = promptForm()
  const answer = element('p', { className: 'answer' })
  let running

  // Busy while words arrive, so that a screen reader reads the answer once, at its end.
  const setRunning = controller => {
    running = controller
    button.textContent = controller ? 'Stop' : 'Send'
    answer.setAttribute('aria-busy', String(controller !== undefined))
  }
  const run = async signal => {
    answer.textContent = ''
    say('connecting')
    try {
      const response = await post(url, { prompt: input.value }, signal)
      say('live')
      for await (const token of tokens(response.body)) answer.append(token)
      say('ended')
    } catch (error) {
      say('ended', signal.aborted ? 'stopped' : 'failed')
      if (!signal.aborted) answer.textContent = error.message
    }
  }
  form.addEventListener('submit', async event => {
    event.preventDefault()
    if (running !== undefined) return running.abort()
    setRunning(new AbortController())
    await run(running.signal)
    setRunning(undefined)
  })
  answer.setAttribute('aria-live', 'polite')
  pane.append(form, answer)
}

function promptForm() {
  const form = element('form')
  const label = element('label', { text: 'Prompt' })
  const input = Object.assign(element('input'), { name: 'prompt', required: true, autocomplete: 'off' })
  const button = element('button', { text: 'Send' })
  input.value = 'What is SSE?'
  label.append(input)
  form.append(label, button)
  return { form, input, button }
}

async function* tokens(body) {
  for await (const data of events(body)) {
    if (data !== '[DONE]') yield JSON.parse(data).choices[0].delta.content
  }
}

/** The data of each event. Enough where each has one line of it; a library reads the rest of the format. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    const blocks = (text + chunk.value).split('\n\n')
    text = blocks.pop()
    for (const block of blocks) {
      const line = block.split('\n').find(line => line.startsWith('data: '))
      if (line !== undefined) yield line.slice('data: '.length)
    }
  }
}
