/** Posts JSON. Resolves to the answer, whose `message` or `reason` says what became of it. */
export async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    return await answerOf(response)
  } catch {
    return { reason: 'The server cannot be reached. Whether it was done is not known.' }
  }
}

async function answerOf(response) {
  try {
    return await response.json()
  } catch {
    return { reason: `The server refused it (${response.status}).` }
  }
}
