import { Failure, isFailure } from '../errors.ts'
import type { Keeper } from '../follow/keeper.ts'
import { runCommand, type KuboAddress } from '../publish/kubo/rpc.ts'

/** Characters of a pin's name that Kubo takes. */
const LONGEST_NAME = 255
/** ms without a word from the node, which says how far it is. */
const PATIENCE = 120_000

/** Keeps DAGs in a Kubo, which fetches them itself, by pins of their own name. */
export function kuboKeeper(kubo: KuboAddress): Keeper {
  /** What the recursive pin of a CID is called; undefined where there is none. A node has one pin for each CID. */
  const nameOf = async (cid: string, signal: AbortSignal): Promise<string | undefined> => {
    const parameters = { arg: cid, type: 'recursive', names: 'true' }
    try {
      for await (const answer of runCommand(kubo, { name: 'pin/ls', parameters, signal })) {
        const keys = answer['Keys'] as Readonly<Record<string, { Name?: string }>> | undefined
        const [pin] = Object.values(keys ?? {})
        if (pin !== undefined) return pin.Name ?? ''
      }
    } catch (error) {
      if (!isFailure(error) || !/is not pinned/i.test(error.message)) throw error
    }
    return undefined
  }
  return {
    async held(label, signal) {
      const name = pinName(label)
      const parameters = { type: 'recursive', names: 'true', name, stream: 'true' }
      const found = new Set<string>()
      for await (const { Cid, Name } of runCommand(kubo, { name: 'pin/ls', parameters, signal })) {
        if (typeof Cid === 'string' && Name === name) found.add(Cid)
      }
      return found
    },
    async keep(cid, label, signal) {
      const arg = cid.toString()
      // Another pin of the same CID would be renamed by ours, and end with it.
      if ((await nameOf(arg, signal)) !== undefined) return
      const parameters = { arg, recursive: 'true', name: pinName(label), progress: 'true' }
      let isPinned = false
      const command = { name: 'pin/add', parameters, signal, patience: PATIENCE }
      for await (const answer of runCommand(kubo, command)) isPinned ||= Array.isArray(answer['Pins'])
      if (!isPinned) throw new Failure('CONTENT_UNAVAILABLE', `Kubo did not say that ${arg} is pinned`)
    },
    async release(cid, label, signal) {
      const arg = cid.toString()
      if ((await nameOf(arg, signal)) !== pinName(label)) return
      const command = { name: 'pin/rm', parameters: { arg, recursive: 'true' }, signal }
      for await (const answer of runCommand(kubo, command)) void answer
    },
  }
}

function pinName(label: string): string {
  return label.slice(0, LONGEST_NAME)
}
