import { channelInView } from '../channel.js'
import { addItem, element, labelled } from '../dom.js'
import { post } from '../request.js'
import { Turn } from '../slots.js'

const KEPT = 5

/** What is published, a form that publishes, and a page of another origin that does both. */
export function show(pane, url, say) {
  const lines = element('ol', { className: 'lines' })
  const form = element('form')
  const text = Object.assign(element('input'), { required: true, value: 'Hello', autocomplete: 'off' })
  const fault = element('p', { className: 'result' })
  lines.dataset.empty = 'Nothing published yet.'
  fault.setAttribute('role', 'alert')
  form.append(labelled('Text', text), element('button', { text: 'Publish' }))
  pane.append(lines, form, fault, elsewhere(new URL('page.html', new URL(url, location.href))))

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

/** A button that opens the page, and closes it. In this sandbox a page has an origin that is like no other. */
function elsewhere(url) {
  const box = element('div', { className: 'elsewhere' })
  const button = Object.assign(element('button', { text: 'Open a page of another origin' }), { type: 'button' })
  const frame = Object.assign(element('iframe'), { title: 'A page of another origin', src: url.href })
  frame.sandbox = 'allow-scripts allow-forms'
  let turn
  const say = (_, words = '') => {
    box.dataset.words = words
  }
  // It takes a connection, as a pane does.
  const open = () => {
    turn = new Turn(say, () => {
      say()
      box.append(frame)
      return () => frame.remove()
    })
    turn.hurry()
  }
  button.setAttribute('aria-expanded', 'false')
  button.addEventListener('click', () => {
    const isOpen = turn !== undefined
    if (isOpen) {
      turn.leave()
      turn = undefined
    } else open()
    button.setAttribute('aria-expanded', String(!isOpen))
  })
  box.append(button)
  return box
}
