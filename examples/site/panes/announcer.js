import { channelInView } from '../channel.js'
import { addItem, element } from '../dom.js'
import { request } from '../request.js'

const KEPT = 4

/** What is announced, with the time when it came, and a button that announces. */
export function show(pane, url, say) {
  const lines = element('ol', { className: 'lines' })
  const foot = element('div', { className: 'foot' })
  const fault = element('p', { className: 'result' })
  const ping = Object.assign(element('button', { text: 'Ping' }), { type: 'button' })
  lines.dataset.empty = 'Nothing announced yet.'
  fault.setAttribute('role', 'status')
  foot.append(fault, ping)
  pane.append(lines, foot)

  const add = text =>
    addItem(lines, element('li', { text: `${new Date().toLocaleTimeString('sv-SE')}  ${text}` }), KEPT)
  ping.addEventListener('click', async () => {
    fault.textContent = ''
    try {
      await request(new URL('ping', new URL(url, location.href)))
    } catch (error) {
      fault.textContent = `Nothing was announced: ${error.message}`
    }
  })
  channelInView(pane, url, say, { message: add }, add)
}
