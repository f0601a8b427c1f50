/** Some lines in the place of others. */
export interface LineChange {
  /** Index of the first line that goes, or of the one that the new ones come before. */
  readonly at: number
  readonly removed: readonly string[]
  readonly added: readonly string[]
}

/** What makes `after` of `before`, as few lines as possible, from the first to the last. */
export function lineChanges(before: readonly string[], after: readonly string[]): LineChange[] {
  const shorter = Math.min(before.length, after.length)
  let start = 0
  while (start < shorter && before[start] === after[start]) start++
  let end = 0
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++
  const changes = changesWithin(
    before.slice(start, before.length - end),
    after.slice(start, after.length - end),
  )
  return changes.map((change) => ({ ...change, at: change.at + start }))
}

function changesWithin(before: readonly string[], after: readonly string[]): LineChange[] {
  const common = commonLengths(before, after)
  const commonAt = (i: number, j: number): number => common[i]?.[j] ?? 0
  const changes: LineChange[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    const change: { at: number; removed: string[]; added: string[] } = { at: i, removed: [], added: [] }
    while ((i < before.length || j < after.length) && before[i] !== after[j]) {
      const removes = j >= after.length || (i < before.length && commonAt(i + 1, j) >= commonAt(i, j + 1))
      if (removes) change.removed.push(before[i++] ?? '')
      else change.added.push(after[j++] ?? '')
    }
    if (change.removed.length + change.added.length > 0) changes.push(change)
    i++
    j++
  }
  return changes
}

/** For each pair of indices, the length of the longest common subsequence from there on. */
function commonLengths(before: readonly string[], after: readonly string[]): number[][] {
  const rows = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0))
  for (let i = before.length - 1; i >= 0; i--) {
    const [row = [], next = []] = [rows[i], rows[i + 1]]
    for (let j = after.length - 1; j >= 0; j--) {
      row[j] = before[i] === after[j] ? (next[j + 1] ?? 0) + 1 : Math.max(next[j] ?? 0, row[j + 1] ?? 0)
    }
  }
  return rows
}
