import { slotsOf } from '../../../src/content/unixfs/shard-slot.ts'
import type { Spec } from './dags.ts'

/** A sharded folder of empty files with these names, made as naively as can be. */
export async function hamtOf(names: readonly string[], fanout: number): Promise<Spec> {
  const digits = (fanout - 1).toString(16).length
  const places = await Promise.all(
    names.map(async (name) => {
      const slots = await slotsOf(name)
      const place: string[] = []
      for (let slot = slots.next(fanout); slot !== undefined; slot = slots.next(fanout)) place.push(slot)
      return { name, place }
    }),
  )
  const shard = (entries: typeof places, level: number): Spec => {
    const bySlot = new Map<string, typeof places>()
    for (const entry of entries) {
      const slot = entry.place[level] ?? '0'.repeat(digits)
      bySlot.set(slot, [...(bySlot.get(slot) ?? []), entry])
    }
    const links = [...bySlot].map(([slot, [first, ...others]]): [string, Spec] => {
      if (first !== undefined && others.length === 0)
        return [slot + first.name, { kind: 'raw', bytes: Buffer.from(first.name) }]
      return [slot, shard(first === undefined ? [] : [first, ...others], level + 1)]
    })
    return { kind: 'shard', fanout, hashType: 0x22, links }
  }
  return shard(places, 0)
}
