import { makeCard } from './card.js'
import { element } from './dom.js'
import { offerSource } from './source.js'

const nav = document.querySelector('nav')
const main = document.querySelector('#examples')

main.setAttribute('aria-busy', 'true')
offerSource(document.querySelector('footer .source'), 'plugin.ts')
try {
  const response = await fetch('/examples.json')
  if (!response.ok) throw new Error(`the server answered ${response.status}`)
  const examples = await response.json()
  // All of them first: more of them would push the panes below out of view.
  nav.append(...examples.map(({ name, title }) => Object.assign(element('a', { text: title }), { href: `#${name}` })))
  for (const example of examples) main.append(await makeCard(example))
} catch (error) {
  const notice = document.createElement('p')
  notice.className = 'notice'
  notice.textContent = `The examples could not be loaded: ${error.message}`
  main.append(notice)
}
main.setAttribute('aria-busy', 'false')
