/** Names in a message; of very many the first ones do. */
const MOST = 8

/** `a, b, c`, or the first ones and how many more there are. */
export function mentioned(names: Iterable<string>): string {
  const all = [...names]
  const more = all.length > MOST ? ` and ${all.length - MOST} more` : ''
  return all.slice(0, MOST).join(', ') + more
}
