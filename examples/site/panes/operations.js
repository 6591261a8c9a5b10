import { addItem, element } from '../dom.js'
import { streamInView } from '../stream.js'

const KEPT = 5

/** The last prices, and a link to the live view of the streams that bring them. */
export function show(pane, url, say) {
  const lines = element('ol', { className: 'lines' })
  const link = Object.assign(element('a', { text: 'Open the live view' }), {
    href: new URL('dashboard/', new URL(url, location.href)).href,
    target: '_blank',
  })
  pane.append(lines, link)
  streamInView(pane, url, say, data => {
    const { coin, price } = JSON.parse(data)
    addItem(lines, element('li', { text: `${coin} ${price.toFixed(2)}` }), KEPT)
  })
}
