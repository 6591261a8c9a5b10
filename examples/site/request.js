/** Posts JSON, if there is any. Throws an error with the server's words for an answer that is no success. */
export function post(url, body, signal) {
  const headers = body === undefined ? {} : { 'Content-Type': 'application/json' }
  return request(url, { method: 'POST', headers, body: JSON.stringify(body), signal })
}

export async function request(url, options) {
  const response = await fetch(url, options)
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  return response
}
