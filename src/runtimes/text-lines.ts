const MARK = '\uFEFF'

/** A text in lines, none with its line feed, so that joining them gives the text again, byte by byte. */
export interface TextLines {
  /** A byte order mark, or nothing. */
  readonly mark: string
  readonly lines: readonly string[]
  /** Where lines end in CR LF, what a line of ours needs at its end as well. */
  readonly return: string
}

export function linesOf(text: string): TextLines {
  const mark = text.startsWith(MARK) ? MARK : ''
  const lines = text.slice(mark.length).split('\n')
  return { mark, lines, return: lines[0]?.endsWith('\r') === true ? '\r' : '' }
}

export function textOf({ mark, lines }: Pick<TextLines, 'mark' | 'lines'>): string {
  return mark + lines.join('\n')
}

/** Without a byte order mark. */
export function withoutMark(text: string): string {
  return text.slice(linesOf(text).mark.length)
}

/** `text` with lines put before the one of this index. */
export function withLines(text: string, index: number, added: readonly string[]): string {
  const { mark, lines, return: end } = linesOf(text)
  const all = [...lines.slice(0, index), ...added.map((line) => line + end), ...lines.slice(index)]
  return textOf({ mark, lines: all })
}

/** Where lines are to be put that come after everything. */
export function endOf({ lines }: TextLines): number {
  return lines.at(-1) === '' ? lines.length - 1 : lines.length
}
