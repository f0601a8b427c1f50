import { setTimeout as delay } from 'node:timers/promises'
import { base36 } from 'multiformats/bases/base36'
import type { CID } from 'multiformats/cid'
import { Failure, isFailure } from '../../../errors.ts'
import { verifyIpnsRecord } from '../../../naming/ipns-record.ts'
import { parseKey } from '../../../naming/target.ts'
import { runCommand, type KuboAddress } from '../../../publish/kubo/rpc.ts'
import type { NamePublisher, NextRecord, PublishedRecord, PublishingKey } from '../name-publisher.ts'

type Answer = Record<string, unknown>

/** What Kubo 0.41 says where it has no record of a key, or one that has expired. */
const NO_RECORD = /not found|expired|could not resolve name/i
/** It keeps records but does not give them out while it is offline. */
const IS_OFFLINE = /online mode/i
const NOT_HIGHER = /sequence number must be greater/i
/** ms between looks for a key that another gateway is making. */
const WRITING_KEY = [50, 100, 200, 400, 800]

/**
 * Publishes with the keys of a Kubo. Where it is online, each record has the sequence after the one that was read, and
 * Kubo refuses it when another gateway has published meanwhile. (Before 0.37 it takes no sequence; then, as offline,
 * only looking again shows who was last.)
 */
export class KuboNames implements NamePublisher {
  readonly name = 'kubo'
  readonly #kubo: KuboAddress
  /** Keys by text whose last record may not have reached the network. */
  readonly #unsettled = new Set<string>()
  /** The sequence that was refused last, by text of the key. */
  readonly #refused = new Map<string, bigint>()

  constructor(kubo: KuboAddress) {
    this.#kubo = kubo
  }

  keyNameOf(root: string): string {
    return `ipfs-registry-${root}`
  }

  /** @param name of a key, or the IPNS name itself */
  async findKey(name: string, signal: AbortSignal): Promise<CID | undefined> {
    const { Keys } = await this.#run('key/list', { l: 'true', 'ipns-base': 'base36' }, signal)
    if (!Array.isArray(Keys)) throw odd('what it says of its keys is no list')
    const text = parseKey(name)?.text
    const keys = Keys as readonly { readonly Name?: unknown; readonly Id?: unknown }[]
    const found = keys.find((key) => key.Name === name || (text !== undefined && key.Id === text))
    return found === undefined ? undefined : cidOf(found.Id)
  }

  async makeKey(name: string, signal: AbortSignal): Promise<CID> {
    if (parseKey(name) !== undefined)
      throw odd(`it has no key ${name}, and a key can't be made from its name`)
    try {
      const made = await this.#run('key/gen', { arg: name, type: 'ed25519', 'ipns-base': 'base36' }, signal)
      return cidOf(made['Id'])
    } catch (error) {
      // Another gateway may have made it; Kubo makes none over another.
      const found = await this.#findMade(name, signal)
      if (found === undefined) throw error
      return found
    }
  }

  /** A key that may be in the making: until Kubo has written it, it can list none. */
  async #findMade(name: string, signal: AbortSignal): Promise<CID | undefined> {
    for (const wait of WRITING_KEY) {
      const found = await this.findKey(name, signal).catch(() => undefined)
      if (found !== undefined) return found
      await delay(wait, undefined, { signal })
    }
    return undefined
  }

  async current({ cid }: PublishingKey, signal: AbortSignal): Promise<PublishedRecord | undefined> {
    const text = cid.toString(base36)
    try {
      // What it published itself is in its own datastore, at once.
      const record = await this.#record(cid, { offline: 'true' }, signal)
      if (record !== undefined || !this.#refused.has(text)) return record
      // It knows of a newer one than we do: as with a key that was used elsewhere before.
      return await this.#record(cid, {}, signal)
    } catch (error) {
      if (!says(error, IS_OFFLINE)) throw error
      return this.#resolved(text, signal)
    }
  }

  async publish(
    key: PublishingKey,
    next: NextRecord,
    signal: AbortSignal,
  ): Promise<PublishedRecord | undefined> {
    const text = key.cid.toString(base36)
    const sequence = this.#sequenceFor(text, next)
    // Until it is known to have reached the network.
    this.#unsettled.add(text)
    let said: Answer
    try {
      said = await this.#run(
        'name/publish',
        {
          arg: next.value,
          key: key.name,
          lifetime: `${next.lifetime}ms`,
          ttl: `${next.ttl}ms`,
          'allow-offline': 'true',
          quieter: 'true',
          'ipns-base': 'base36',
          // It is stored, or it would be no version; looking for it in the network would not help.
          resolve: 'false',
          ...(sequence === undefined ? {} : { sequence: String(sequence) }),
        },
        signal,
      )
    } catch (error) {
      if (sequence === undefined || !says(error, NOT_HIGHER)) throw error
      this.#refused.set(text, sequence)
      return undefined
    }
    this.#refused.delete(text)
    const published = parseKey(String(said['Name']))?.text
    if (published !== text) throw odd(`it published under ${String(said['Name'])}, not under ${text}`)
    const settled = sequence === undefined || !(await this.#isAlone(signal))
    if (settled) this.#unsettled.delete(text)
    return { value: next.value, sequence, validUntil: undefined, settled }
  }

  /** Whether the node has no peers, as after its start: it says that it published all the same. */
  async #isAlone(signal: AbortSignal): Promise<boolean> {
    try {
      const { Peers } = await this.#run('swarm/peers', {}, signal)
      return !Array.isArray(Peers) || Peers.length === 0
    } catch {
      // It can't be asked: that is no reason to publish again.
      signal.throwIfAborted()
      return false
    }
  }

  /**
   * The one after the record that was read. Undefined, so that Kubo takes the one after the newest it knows of, where
   * none was read, or where that was refused though nothing newer is to be read: then the newest is elsewhere.
   */
  #sequenceFor(text: string, { after }: NextRecord): bigint | undefined {
    if (after !== undefined && after.sequence === undefined) return undefined
    const sequence = (after?.sequence ?? 0n) + 1n
    return this.#refused.get(text) === sequence ? undefined : sequence
  }

  async #record(
    cid: CID,
    where: { readonly offline?: 'true' },
    signal: AbortSignal,
  ): Promise<PublishedRecord | undefined> {
    const text = cid.toString(base36)
    try {
      const { Extra } = await this.#run('routing/get', { arg: `/ipns/${text}`, ...where }, signal)
      if (typeof Extra !== 'string') throw odd('what it says of a name is no record')
      const { value, sequence, validUntil } = await verifyIpnsRecord(cid, Buffer.from(Extra, 'base64'))
      return { value, sequence, validUntil, settled: !this.#unsettled.has(text) }
    } catch (error) {
      if (says(error, NO_RECORD) || isFailure(error, 'CONTENT_INVALID')) return undefined
      throw error
    }
  }

  async #resolved(text: string, signal: AbortSignal): Promise<PublishedRecord | undefined> {
    try {
      const parameters = { arg: `/ipns/${text}`, recursive: 'false', nocache: 'true', offline: 'true' }
      const { Path } = await this.#run('name/resolve', parameters, signal)
      if (typeof Path !== 'string') throw odd('what it says of a name is no path')
      const settled = !this.#unsettled.has(text)
      return { value: Path, sequence: undefined, validUntil: undefined, settled }
    } catch (error) {
      if (says(error, NO_RECORD)) return undefined
      throw error
    }
  }

  /** The last object of the answer. */
  async #run(name: string, parameters: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    let last: Answer = {}
    for await (const answer of runCommand(this.#kubo, { name, parameters, signal })) last = answer
    return last
  }
}

function cidOf(id: unknown): CID {
  const key = typeof id === 'string' ? parseKey(id) : undefined
  if (key === undefined) throw odd(`it names a key ${String(id)}, which is no IPNS name`)
  return key.key
}

/** Whether Kubo answered, and with this. */
function says(error: unknown, text: RegExp): boolean {
  return isFailure(error, 'CONTENT_UNAVAILABLE') && error.cause === undefined && text.test(error.message)
}

function odd(message: string): Failure {
  return new Failure('CONTENT_UNAVAILABLE', `Kubo can't be published through: ${message}`)
}
