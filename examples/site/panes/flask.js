import { channelInView } from '../channel.js'
import { addItem, element } from '../dom.js'
import { request } from '../request.js'

const KEPT = 4

/** The greetings, and a button that asks for one. */
export function show(pane, url, say) {
  const list = element('ol', { className: 'notifications' })
  const foot = element('div', { className: 'foot' })
  const answer = element('p', { className: 'result' })
  const hello = Object.assign(element('button', { text: 'Say hello' }), { type: 'button' })
  list.dataset.empty = 'No greeting yet.'
  answer.setAttribute('role', 'status')
  foot.append(answer, hello)
  pane.append(list, foot)

  const add = (type, text) => {
    const item = element('li')
    item.append(element('span', { className: 'kind', text: type }), ' ', element('span', { text }))
    addItem(list, item, KEPT)
  }
  hello.addEventListener('click', async () => {
    answer.textContent = ''
    try {
      const response = await request(new URL('hello', new URL(url, location.href)))
      answer.textContent = await response.text()
    } catch (error) {
      answer.textContent = `Nothing was sent: ${error.message}`
    }
  })
  channelInView(pane, url, say, { greeting: data => add('greeting', textOf(data)) }, text => add('gap', text))
}

/** What others publish need not be an object with a message. */
function textOf(data) {
  try {
    return JSON.parse(data).message ?? data
  } catch {
    return data
  }
}
