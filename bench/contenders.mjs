/** Contenders by name, without those that `only` leaves out. */
export function chosen(contenders, only) {
  return new Map([...contenders].filter(([name]) => only === undefined || only.test(name)))
}
