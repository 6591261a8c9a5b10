import { addItem, element } from '../dom.js'
import { streamInView } from '../stream.js'

const KEPT = 5

/** The last few events, the newest at the bottom. */
export function show(pane, url, say) {
  const lines = element('ol', { className: 'lines' })
  pane.append(lines)
  streamInView(pane, url, say, data => addItem(lines, element('li', { text: data }), KEPT))
}
