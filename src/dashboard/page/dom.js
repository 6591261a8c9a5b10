/** An element with properties and children. Texts are set as texts, whatever they look like. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

const SVG = 'http://www.w3.org/2000/svg'

export function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/** Sets a text if it is another one: what does not change is not painted, nor read out, again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text
}

export const find = selector => document.querySelector(selector)

const hovers = matchMedia('(hover: hover)')

/** Whether somebody points at an element, or has the keyboard in it: what is in it must not move now. */
export function isInUse(node) {
  if (hovers.matches && node.matches(':hover')) return true
  const focused = node.matches(':focus-visible') || node.querySelector(':focus-visible') !== null
  return focused || find('dialog[open]') !== null
}

/** Lets the keyboard scroll a box. */
export function scrollable(box, name) {
  box.role = 'group'
  box.ariaLabel = name
  box.tabIndex = 0
}
