import { element } from './dom.js'
import { offerSource } from './source.js'

const template = document.querySelector('#card')

/** One example: what it is, its live pane, its source. */
export async function makeCard({ name, title, summary, note, method, stream, pane = name, plugin }) {
  const { show } = await import(`./panes/${pane}.js`)
  const card = template.content.cloneNode(true).firstElementChild
  const url = `/${name}${stream}`
  const heading = card.querySelector('h2')
  card.id = name
  heading.id = `${name}-title`
  heading.textContent = title
  card.setAttribute('aria-labelledby', heading.id)
  card.querySelector('.summary').append(...withCode(summary))
  if (note !== undefined) card.querySelector('.note').append(...withCode(note))
  if (plugin !== undefined) card.querySelector('.plugin').textContent = `carried by ${plugin}`
  card.querySelector('.method').textContent = method
  card.querySelector('.endpoint code').textContent = url
  const box = card.querySelector('.pane')
  box.setAttribute('aria-label', `${title}, live`)
  show(box, url, stateLine(box.querySelector('.state')))
  offerSource(card.querySelector('.source'), `${name}.ts`)
  return card
}

/** Says the connection's state in words; the colour of the dot only repeats it. */
function stateLine(line) {
  const say = (state, words = state) => {
    line.dataset.state = state
    line.textContent = words
  }
  say('ready')
  return say
}

function withCode(text) {
  return text.split('`').map((part, index) => (index % 2 === 1 ? element('code', { text: part }) : part))
}
