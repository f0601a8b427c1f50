/**
 * Measure contenders in alternating rounds, forwards and backwards, so that what else the machine does meets all of
 * them. The first round warms up and does not count.
 *
 * @param contenders name → async function that resolves to a figure
 * @returns name → figures, one for each round
 */
export async function alternate(contenders, { rounds, log }) {
  const figures = new Map([...contenders.keys()].map((name) => [name, []]))
  for (let round = 0; round <= rounds; round += 1) {
    const order = [...contenders]
    if (round % 2 === 1) order.reverse()
    for (const [name, measure] of order) {
      const figure = await measure()
      log(`${round === 0 ? 'warm-up' : `round ${round}`}  ${name}  ${Number(figure.toPrecision(4))}`)
      if (round > 0) figures.get(name).push(figure)
    }
  }
  return figures
}

export function median(figures) {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
