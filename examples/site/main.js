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
  for (const example of await response.json()) {
    main.append(await makeCard(example))
    nav.append(Object.assign(element('a', { text: example.title }), { href: `#${example.name}` }))
  }
} catch (error) {
  const notice = document.createElement('p')
  notice.className = 'notice'
  notice.textContent = `The examples could not be loaded: ${error.message}`
  main.append(notice)
}
main.setAttribute('aria-busy', 'false')
