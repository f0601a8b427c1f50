import { writeFile } from 'node:fs/promises'
import { markdown, ratioTable } from './table.mjs'

/** What was measured: printed as tables for people, and kept with every round of it for programs. */
export class Report {
  #scenarios = []

  begin(name, title) {
    this.#scenarios.push({ name, title, tables: [] })
    console.log(`## ${title}\n`)
  }

  /** One line of text. */
  say(text) {
    console.log(`${text}\n`)
  }

  /**
   * Figures of contenders that took turns.
   *
   * @param title what they are, or undefined where the scenario's title says so
   * @param figures name → one figure for each round
   */
  ratios(title, figures, { unit, peers }) {
    if (title !== undefined) this.say(`${title}:`)
    this.say(ratioTable(figures, { unit, peers }))
    this.record(title, { unit, figures: Object.fromEntries(figures) })
  }

  /** A table of rows, the first of which is the head; `figures` are those behind it, if it does not have all. */
  table(title, rows, figures) {
    if (title !== undefined) this.say(`${title}:`)
    this.say(markdown(rows))
    const [columns, ...rest] = rows
    this.record(title, figures === undefined ? { columns, rows: rest } : { figures })
  }

  record(title, data) {
    this.#scenarios.at(-1).tables.push({ ...(title === undefined ? {} : { title }), ...data })
  }

  /** @param about the machine, the versions, how it was run */
  async write(file, about) {
    await writeFile(file, `${JSON.stringify({ ...about, scenarios: this.#scenarios }, undefined, 2)}\n`)
  }
}
