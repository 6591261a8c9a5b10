import { channelInView } from '../channel.js'
import { addItem, element, labelled } from '../dom.js'
import { request } from '../request.js'

const KEPT = 100

/** What is written, and two forms: who writes, and what. */
export function show(pane, url, say) {
  const messages = element('ol', { className: 'messages' })
  const user = formOf('user', 'Name', 'Log in')
  const message = formOf('message', 'Line', 'Send')
  const result = element('p', { className: 'result' })
  messages.dataset.empty = 'Nothing written yet.'
  messages.setAttribute('role', 'log')
  messages.setAttribute('aria-label', 'What was written')
  messages.tabIndex = 0 // so that the keyboard can scroll it
  result.setAttribute('role', 'status')
  pane.append(messages, user, message, result)

  onSubmit(user, new URL('login', new URL(url, location.href)), result, fields => `You are ${fields.get('user')}.`)
  onSubmit(message, new URL('post', new URL(url, location.href)), result, () => '')
  const add = text => {
    addItem(messages, element('li', { text }), KEPT)
    messages.scrollTop = messages.scrollHeight
  }
  channelInView(pane, url, say, { message: add }, add)
}

function formOf(name, words, action) {
  const form = element('form')
  const input = Object.assign(element('input'), { name, required: true, autocomplete: 'off' })
  form.append(labelled(words, input), element('button', { text: action }))
  return form
}

/** Sends the fields as a form that is no script would. */
function onSubmit(form, url, result, words) {
  form.addEventListener('submit', async event => {
    event.preventDefault()
    const fields = new FormData(form)
    try {
      await request(url, { method: 'POST', body: new URLSearchParams(fields) })
      form.reset()
      result.textContent = words(fields)
    } catch (error) {
      result.textContent = `That was not taken: ${error.message}`
    }
  })
}
