import { element, labelled } from '../dom.js'
import { post } from '../request.js'
import { streamInView } from '../stream.js'

/** The newest price, and a form that sets it. */
export function show(pane, url, say) {
  const latest = element('p', { className: 'latest', text: 'No price yet' })
  const form = element('form')
  const price = Object.assign(element('input'), { type: 'number', required: true, value: '100', step: 'any' })
  const fault = element('p', { className: 'result' })
  fault.setAttribute('role', 'alert')
  form.append(labelled('Price', price), element('button', { text: 'Set' }))
  pane.append(latest, form, fault)

  form.addEventListener('submit', async event => {
    event.preventDefault()
    fault.textContent = ''
    try {
      await post(new URL('price', new URL(url, location.href)), { price: price.valueAsNumber })
    } catch (error) {
      fault.textContent = `The price was not set: ${error.message}`
    }
  })
  streamInView(pane, url, say, data => {
    latest.textContent = data
  })
}
