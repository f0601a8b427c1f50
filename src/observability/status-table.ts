import { html, type Html } from './html.ts'

/** A column, and how a cell of it is made. */
export interface Column<T> {
  readonly title: string
  /** Figures stand at the right. */
  readonly number?: boolean
  readonly cell: (row: T) => Html
}

export interface TableOptions<T> {
  /** What the rows are, in a sentence. */
  readonly caption: string
  /** The first one names the row. */
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
}

/**
 * A table that stands as a list on a phone. The roles say what it is there too, where its style makes browsers forget that
 * it is a table.
 */
export function table<T>({ caption, columns, rows }: TableOptions<T>): Html {
  const head = columns.map(
    (column) => html`<th scope="col" role="columnheader" class="${classOf(column)}">${column.title}</th>`,
  )
  const body = rows.map(
    (row) =>
      html`<tr role="row">
        ${columns.map((column, index) => cell(column, row, index === 0))}
      </tr>`,
  )
  return html`<table role="table">
    <caption>
      ${caption}
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        ${head}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${body}
    </tbody>
  </table>`
}

function cell<T>(column: Column<T>, row: T, first: boolean): Html {
  const content = column.cell(row)
  if (first) return html`<th scope="row" role="rowheader">${content}</th>`
  return html`<td role="cell" class="${classOf(column)}" data-label="${column.title}">
    <span class="cell">${content}</span>
  </td>`
}

function classOf<T>({ number = false }: Column<T>): string {
  return number ? 'number' : ''
}
