// Runs in the page, before its own scripts.

/** Every text that the element shows from now on, in an array that grows. */
globalThis.watchTexts = selector => {
  const element = document.querySelector(selector)
  const texts = []
  const note = () => texts.push(element.textContent)
  new MutationObserver(note).observe(element, { childList: true, characterData: true, subtree: true })
  return texts
}

/** The texts whose contrast with what is behind them is below WCAG's 4.5, and how many were looked at. */
globalThis.lowContrasts = () => {
  const shown = [...document.body.querySelectorAll('*')].filter(
    element =>
      element.checkVisibility() && [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()),
  )
  const low = shown
    .map(element => ({ text: element.textContent.trim().slice(0, 40), ratio: contrast(element) }))
    .filter(({ ratio }) => ratio < 4.5)
  return { count: shown.length, low }
}

function contrast(element) {
  const [light, dark] = [getComputedStyle(element).color, backgroundOf(element)].map(luminance).sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

function backgroundOf(element) {
  const color = getComputedStyle(element).backgroundColor
  return color === 'rgba(0, 0, 0, 0)' ? backgroundOf(element.parentElement) : color
}

function luminance(color) {
  const [red, green, blue] = color
    .match(/\d+/g)
    .map(part => part / 255)
    .map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
