import { lineChanges } from './line-changes.ts'
import { linesOf, textOf } from './text-lines.ts'
import { unchanged } from './unchanged.ts'

// What is added to files whose comments begin with # stands between two lines that say so. Lines that gave way are kept
// there as comments, so that the file can be made again as it was, whatever else has been changed in it since.
const BEGIN = '# >>> ipfs-registry configure'
const NEW_FILE = ' (made this file)'
const WAS = '# was: '
const END = '# <<< ipfs-registry configure'

/** `wanted`, in which everything that is not in `own` is marked. `own` undefined: the file is a new one. */
export function marked(own: string | undefined, wanted: string): string {
  if (own === undefined) return [BEGIN + NEW_FILE, ...linesOf(wanted.trimEnd()).lines, END, ''].join('\n')
  const { mark, lines, return: end } = linesOf(own)
  const all = [...lines]
  for (const { at, removed, added } of lineChanges(lines, linesOf(wanted).lines).reverse()) {
    const before = removed.map((line) => WAS + line)
    all.splice(at, removed.length, BEGIN + end, ...before, ...added, END + end)
  }
  return textOf({ mark, lines: all })
}

/**
 * The text without what is marked, and what gave way in its place again. Undefined: there is nothing else in a file that
 * was made for it.
 *
 * @throws Failure RUNTIME_UNCHANGED where a mark is without its counterpart
 */
export function unmarked(path: string, text: string): string | undefined {
  const { mark, lines } = linesOf(text)
  const rest: string[] = []
  let began: number | undefined
  let isNew = false
  for (const [index, line] of lines.entries()) {
    if (line.startsWith(BEGIN) && began === undefined) {
      began = index
      isNew ||= line.trimEnd() === BEGIN + NEW_FILE
    } else if (line.trimEnd() === END && began !== undefined) {
      began = undefined
    } else if (line.startsWith(BEGIN) || line.trimEnd() === END) {
      throw unchanged(path, `"${line.trimEnd()}" is there without its counterpart`, index + 1)
    } else if (began === undefined) {
      rest.push(line)
    } else if (line.startsWith(WAS)) {
      rest.push(line.slice(WAS.length))
    }
  }
  if (began !== undefined) throw unchanged(path, `"${END}" is missing for what begins here`, began + 1)
  return isNew && rest.every((line) => line.trim() === '') ? undefined : textOf({ mark, lines: rest })
}

export function isMarked(text: string): boolean {
  return linesOf(text).lines.some((line) => line.startsWith(BEGIN))
}
