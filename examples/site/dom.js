/** An element with a class and a text. The text is set as text, whatever it looks like. */
export function element(tag, { className = '', text = '' } = {}) {
  const made = document.createElement(tag)
  if (className !== '') made.className = className
  if (text !== '') made.textContent = text
  return made
}

/** Adds an item to a list of which only the newest are kept. */
export function addItem(list, item, kept) {
  list.append(item)
  while (list.children.length > kept) list.firstChild.remove()
}

/** A control with its words. */
export function labelled(words, control) {
  const label = element('label', { text: words })
  label.append(control)
  return label
}
