/** What the page's address keeps under a name. A reload finds it there, and so does whoever is sent the address. */
export function kept(name) {
  return new URL(location.href).searchParams.get(name) ?? undefined
}

export function keep(name, value) {
  const url = new URL(location.href)
  url.searchParams.set(name, value)
  history.replaceState(history.state, '', url)
}
