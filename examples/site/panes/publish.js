import { channelInView } from '../channel.js'
import { addItem, element, labelled } from '../dom.js'
import { post } from '../request.js'

const KEPT = 5

/** What is published, and a form that publishes. */
export function show(pane, url, say) {
  const lines = element('ol', { className: 'lines' })
  const form = element('form')
  const text = Object.assign(element('input'), { required: true, value: 'Hello', autocomplete: 'off' })
  const fault = element('p', { className: 'result' })
  lines.dataset.empty = 'Nothing published yet.'
  fault.setAttribute('role', 'alert')
  form.append(labelled('Text', text), element('button', { text: 'Publish' }))
  pane.append(lines, form, fault)

  form.addEventListener('submit', async event => {
    event.preventDefault()
    fault.textContent = ''
    try {
      await post(new URL('publish', new URL(url, location.href)), { text: text.value })
    } catch (error) {
      fault.textContent = `Nothing was published: ${error.message}`
    }
  })
  const add = text => addItem(lines, element('li', { text }), KEPT)
  channelInView(pane, url, say, { message: add }, add)
}
