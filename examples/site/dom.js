/** An element with a class and a text. The text is set as text, whatever it looks like. */
export function element(tag, { className = '', text = '' } = {}) {
  const made = document.createElement(tag)
  if (className !== '') made.className = className
  if (text !== '') made.textContent = text
  return made
}
