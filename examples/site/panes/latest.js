import { element } from '../dom.js'
import { streamInView } from '../stream.js'

/** The last event, large. */
export function show(pane, url, say) {
  const latest = element('p', { className: 'latest', text: '\u2013' })
  pane.append(latest)
  streamInView(pane, url, say, data => {
    latest.textContent = data
  })
}
