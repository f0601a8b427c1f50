import { median } from './rounds.mjs'

/**
 * Figures as a Markdown table: median, lowest and highest, and the median of the ratios, round by round, to each of
 * the `peers`.
 */
export function ratioTable(figures, { unit, peers }) {
  const columns = peers.filter((peer) => figures.has(peer))
  const head = ['', `median, ${unit}`, 'lowest–highest', ...columns.map((peer) => `× ${peer}`)]
  const rows = [...figures].map(([name, values]) => [
    name,
    short(median(values)),
    range(values),
    ...columns.map((peer) => {
      const ratios = values.map((value, round) => value / figures.get(peer)[round])
      return peer === name ? '' : median(ratios).toFixed(2)
    }),
  ])
  return markdown([head, ...rows])
}

/** The first row is the head; all columns but the first are set flush right. */
export function markdown(rows) {
  const [head, ...rest] = rows.map((row) => row.map(String))
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rest].map((row) => row[column].length)))
  const line = (row) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(head), rule, ...rest.map(line)].join('\n')
}

/** Lowest and highest; one figure where they are the same. */
export function range(values) {
  const [lowest, highest] = [short(Math.min(...values)), short(Math.max(...values))]
  return lowest === highest ? lowest : `${lowest}–${highest}`
}

function short(value) {
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(2)
}
