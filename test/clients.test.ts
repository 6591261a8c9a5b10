import { describe, expect, test } from '@jest/globals'
import { recipes } from './compatibility/clients/recipes.js'
import { Snippets } from './snippets.js'

const doc = new Snippets('docs/clients.md')

describe('every snippet of docs/clients.md', () => {
  test('is accepted by the type checker', () => {
    const { stdout, status } = doc.compile('')
    expect([stdout, status]).toEqual(['', 0])
  })

  test('is one of those that are run in compatibility/clients', () => {
    const known = recipes.map(
      ({ title, snippets }) => `${title}: ${snippets.map(({ language }) => language).join(', ')}`,
    )
    expect(known).toEqual([
      'EventSource from another origin, with cookies: ts, js',
      'More than six streams: HTTP/2: ts, sh',
      '@microsoft/fetch-event-source: ts, js',
      'htmx 2: ts, html',
      'htmx 4: ts, html',
      'Turbo: ts, html',
      'Datastar: ts, html',
      'The AI SDK: ts',
      'The openai package: ts',
      'Python: python',
    ])
    expect(doc.text.match(/^```\w/gm)).toHaveLength(recipes.flatMap(({ snippets }) => snippets).length)
  })
})
