import { makeCard } from './card.js'

const main = document.querySelector('#examples')

main.setAttribute('aria-busy', 'true')
try {
  const response = await fetch('/examples.json')
  if (!response.ok) throw new Error(`the server answered ${response.status}`)
  for (const example of await response.json()) main.append(await makeCard(example))
} catch (error) {
  const notice = document.createElement('p')
  notice.className = 'notice'
  notice.textContent = `The examples could not be loaded: ${error.message}`
  main.append(notice)
}
main.setAttribute('aria-busy', 'false')
