import { channelInView } from '../channel.js'
import { addItem, element, labelled } from '../dom.js'
import { post } from '../request.js'

const ROOMS = ['lobby', 'kitchen', 'garden']
const KEPT = 100

/** A room's messages, and a form to write one. What is sent is shown when it comes back, as it is to everyone else. */
export function show(pane, url, say) {
  const messages = element('ol', { className: 'messages' })
  const { form, room, name, text, fault } = chatForm()
  let leave
  messages.dataset.empty = 'No messages yet.'
  messages.setAttribute('role', 'log')
  messages.setAttribute('aria-label', 'Messages')
  messages.tabIndex = 0 // so that the keyboard can scroll it
  pane.append(messages, form, fault)

  const urlOf = name => new URL(name, new URL(url, location.href)).pathname
  const enter = () => {
    leave?.()
    messages.replaceChildren()
    const on = { message: data => addBelow(messages, messageItem(JSON.parse(data))) }
    leave = channelInView(pane, urlOf(room.value), say, on, hole => {
      addBelow(messages, element('li', { className: 'hole', text: hole }))
    })
  }
  form.addEventListener('submit', async event => {
    event.preventDefault()
    fault.textContent = ''
    try {
      await post(urlOf(room.value), { name: name.value, text: text.value })
      text.value = ''
    } catch (error) {
      fault.textContent = `The message was not sent: ${error.message}`
    }
  })
  room.addEventListener('change', enter)
  enter()
}

function chatForm() {
  const form = element('form', { className: 'chat' })
  const room = Object.assign(element('select'), { name: 'room' })
  const name = Object.assign(element('input'), {
    name: 'name',
    required: true,
    maxLength: 40,
    autocomplete: 'nickname',
  })
  const text = Object.assign(element('input'), { name: 'text', required: true, maxLength: 1_000, autocomplete: 'off' })
  const fault = element('p', { className: 'result' })
  room.append(...ROOMS.map(room => element('option', { text: room })))
  name.value = `Guest ${100 + Math.floor(Math.random() * 900)}`
  fault.setAttribute('role', 'alert')
  form.append(
    labelled('Room', room),
    labelled('Name', name),
    labelled('Message', text),
    element('button', { text: 'Send' }),
  )
  return { form, room, name, text, fault }
}

function messageItem({ name, text, time }) {
  const item = element('li')
  const when = new Date(time)
  const clock = Object.assign(element('time', { text: when.toTimeString().slice(0, 5) }), { dateTime: time })
  item.append(clock, ' ', element('b', { text: name }), ' ', element('span', { text }))
  return item
}

/** Follows the newest, unless the reader has scrolled up to older ones. */
function addBelow(list, item) {
  const following = list.scrollHeight - list.scrollTop - list.clientHeight < 40
  addItem(list, item, KEPT)
  if (following) list.scrollTop = list.scrollHeight
}
