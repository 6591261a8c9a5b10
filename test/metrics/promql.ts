/** One metric in an expression, and what is done to it. */
export interface Selector {
  name: string
  matchers: { label: string; operator: string; value: string }[]
  /** Over a span of time: `[5m]`. */
  hasRange: boolean
}

/** What an expression is made of. */
export interface Expression {
  selectors: Selector[]
  /** The functions and aggregations that it calls. */
  calls: string[]
  /** The labels that it groups by. */
  groups: string[]
}

const TOKEN = /\s*(?:([a-zA-Z_:][\w:]*)|(\d+(?:\.\d+)?)|("[^"\\]*")|(\[[^\]]+\])|(=~|!~|!=|==|>=|<=|[(){},=*/+<>-]))/y

/** Reads an expression of PromQL, of which it knows as much as a dashboard needs; throws for anything else. */
export function readExpression(text: string): Expression {
  const tokens = tokensOf(text)
  const expression: Expression = { selectors: [], calls: [], groups: [] }
  for (let token = tokens.shift(); token !== undefined; token = tokens.shift()) {
    if (!/^[a-zA-Z_:]/.test(token)) continue
    if (token === 'by') expression.groups.push(...listIn(tokens))
    else if (tokens[0] === '(' || tokens[0] === 'by') expression.calls.push(token)
    else expression.selectors.push(selectorOf(token, tokens))
  }
  if (expression.selectors.length === 0) throw new Error(`${text} is of no metric`)
  return expression
}

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex
    const [token] = TOKEN.exec(text) ?? []
    if (token === undefined) throw new Error(`${text.slice(from)} is no PromQL`)
    tokens.push(token.trim())
  }
  const depth = tokens.reduce((sum, token) => sum + Number('({'.includes(token)) - Number(')}'.includes(token)), 0)
  if (depth !== 0) throw new Error(`The brackets of ${text} do not close`)
  return tokens
}

function selectorOf(name: string, tokens: string[]): Selector {
  const selector: Selector = { name, matchers: [], hasRange: false }
  if (tokens[0] === '{') {
    for (const inner = until('}', tokens); inner.length > 0; inner.splice(0, 4)) {
      const [label = '', operator = '', value = '', comma = ','] = inner
      if (!/^(=|!=|=~|!~)$/.test(operator) || !value.startsWith('"') || comma !== ',')
        throw new Error(`${inner} select nothing`)
      selector.matchers.push({ label, operator, value: value.slice(1, -1) })
    }
  }
  if (tokens[0]?.startsWith('[')) {
    tokens.shift()
    selector.hasRange = true
  }
  return selector
}

const listIn = (tokens: string[]) => until(')', tokens).filter(token => token !== ',')

// What is between a bracket and the one that closes it, without them.
const until = (end: string, tokens: string[]) => tokens.splice(0, tokens.indexOf(end) + 1).slice(1, -1)
