import { channelInView } from '../channel.js'
import { addItem, element } from '../dom.js'
import { post } from '../request.js'

const KEPT = 4

/** Notifications of two kinds, told apart by their event type, and a button that makes the server emit. */
export function show(pane, url, say) {
  const list = element('ol', { className: 'notifications' })
  const foot = element('div', { className: 'foot' })
  const fault = element('p', { className: 'result' })
  const order = Object.assign(element('button', { text: 'Place an order' }), { type: 'button' })
  list.dataset.empty = 'No notifications yet.'
  list.setAttribute('aria-live', 'polite')
  fault.setAttribute('role', 'status')
  foot.append(fault, order)
  pane.append(list, foot)

  const add = (type, text) => {
    const item = element('li')
    item.append(element('span', { className: 'kind', text: type }), ' ', element('span', { text }))
    addItem(list, item, KEPT)
  }
  order.addEventListener('click', async () => {
    fault.textContent = ''
    try {
      await post(new URL('orders', new URL(url, location.href)))
    } catch (error) {
      fault.textContent = `Nothing was ordered: ${error.message}`
    }
  })
  const on = {
    order: data => add('order', `Order ${JSON.parse(data).id} has come in.`),
    shipped: data => add('shipped', `Order ${JSON.parse(data).id} is on its way.`),
  }
  channelInView(pane, url, say, on, text => add('gap', text))
}
