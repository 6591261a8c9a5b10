import { highlight } from './highlight.js'

/** Fills a `<details>` with an example's source when it is opened; closed and opened again, it tries again. */
export function offerSource(details, file) {
  const box = details.querySelector('pre')
  const code = details.querySelector('code')
  details.querySelector('summary').textContent = `Source of ${file}`
  box.setAttribute('role', 'region')
  box.setAttribute('aria-label', file)
  box.tabIndex = 0 // so that the keyboard can scroll long lines
  details.addEventListener('toggle', async () => {
    if (!details.open) return
    try {
      code.replaceChildren(...highlight(await load(file)))
    } catch (error) {
      code.textContent = `The source could not be loaded: ${error.message}`
    }
  })
}

async function load(file) {
  const response = await fetch(`/source/${file}`)
  if (!response.ok) throw new Error(`the server answered ${response.status}`)
  return response.text()
}
