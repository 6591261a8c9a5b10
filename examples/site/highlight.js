import { element } from './dom.js'

const kinds = [
  /(?<comment>\/\/.*|\/\*[\s\S]*?\*\/)/,
  /(?<string>'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)/,
  /(?<keyword>\b(?:as|async|await|class|const|export|extends|for|from|function|if|import|in|interface|let|new|of|return|throw|type|typeof|yield)\b)/,
]
const parts = new RegExp(kinds.map(kind => kind.source).join('|'), 'g')

/** TypeScript as coloured pieces of text. It knows just enough of the language for the examples. */
export function* highlight(source) {
  let end = 0
  for (const match of source.matchAll(parts)) {
    yield source.slice(end, match.index)
    const [kind] = Object.entries(match.groups).find(([, text]) => text !== undefined)
    yield element('span', { className: kind, text: match[0] })
    end = match.index + match[0].length
  }
  yield source.slice(end)
}
