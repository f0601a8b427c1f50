import { base36 } from 'multiformats/bases/base36'
import type { CID } from 'multiformats/cid'
import { Failure, messageOf } from '../../errors.ts'
import type { NamePublisher, PublishingKey } from './name-publisher.ts'

/** A root, and the key that its name is published with. */
export interface NamedRoot {
  readonly root: string
  /** What the key is called; undefined: what the publisher calls it. */
  readonly key: string | undefined
}

/** The key of a root as it was last known: plain JSON. */
export interface SavedKey {
  readonly root: string
  /** Name of the {@link NamePublisher}. */
  readonly publisher: string
  readonly keyName: string
  /** libp2p-key CIDv1 in base36. */
  readonly key: string
  /** Whether versions of the root were published with it. */
  readonly published: boolean
}

/** Where the keys of roots stay known across restarts: their names, nothing secret. */
export interface KeyMemory {
  load(): Promise<readonly SavedKey[]>
  /** Replaces what was saved for the root. */
  save(saved: SavedKey): Promise<void>
}

export interface RootKeysOptions {
  readonly roots: readonly NamedRoot[]
  readonly publisher: NamePublisher
  /** Undefined: keys are not known after a restart until the publisher can be asked. */
  readonly memory?: KeyMemory | undefined
  /** Trouble that no request hears of. */
  readonly warn?: (message: string) => void
}

interface KnownKey {
  readonly name: string
  cid: CID | undefined
  /** The IPNS name as it was last known, base36. */
  text: string | undefined
  published: boolean
}

/** The IPNS keys of the roots: which there are, and which root a key stands for. */
export class RootKeys {
  readonly publisher: NamePublisher
  readonly #memory: KeyMemory | undefined
  readonly #warn: (message: string) => void
  readonly #keys: ReadonlyMap<string, KnownKey>
  readonly #restored: Promise<void>

  constructor({ roots, publisher, memory, warn = () => undefined }: RootKeysOptions) {
    this.publisher = publisher
    this.#memory = memory
    this.#warn = warn
    this.#keys = new Map(roots.map((named) => [named.root, unknownKey(named, publisher)]))
    const names = [...this.#keys.values()].map(({ name }) => name)
    const shared = names.find((name, at) => names.indexOf(name) !== at)
    if (shared !== undefined) throw new Failure('SETTINGS_INVALID', `two roots have the key "${shared}"`)
    this.#restored = this.#restore()
  }

  /** Look for the keys of all roots, so that they are known where they can be. Never throws. */
  async learn(signal: AbortSignal): Promise<void> {
    await Promise.all(
      this.roots.map((root) =>
        this.find(root, signal).catch((error: unknown) => {
          this.#warn(`the key of the root ${root} is not known yet: ${messageOf(error)}`)
        }),
      ),
    )
  }

  /** Names of the roots. */
  get roots(): readonly string[] {
    return [...this.#keys.keys()]
  }

  /** What the key of a root is called. */
  keyName(root: string): string {
    return this.#known(root).name
  }

  /** The IPNS name of a root in base36, as far as it is known. */
  textOf(root: string): string | undefined {
    return this.#known(root).text
  }

  /** The root that an IPNS name stands for. @param text base36 */
  async rootOf(text: string): Promise<string | undefined> {
    await this.#restored
    return this.knownRootOf(text)
  }

  /** As {@link rootOf}, as far as it is known by now. */
  knownRootOf(text: string): string | undefined {
    for (const [root, known] of this.#keys) if (known.text === text) return root
    return undefined
  }

  /**
   * The key of a root, looked for where it is not known yet.
   *
   * @returns undefined when it has none yet
   *
   * @throws Failure CONTENT_UNAVAILABLE or STORE_FAILED when that can't be established, or when it had one that is gone
   */
  async find(root: string, signal: AbortSignal): Promise<PublishingKey | undefined> {
    await this.#restored
    const known = this.#known(root)
    if (known.cid !== undefined) return { name: known.name, cid: known.cid }
    const found = await this.publisher.findKey(known.name, signal)
    if (found === undefined && known.text !== undefined) throw gone(root, known, this.publisher)
    if (found === undefined) return undefined
    this.#learn(root, known, found)
    return { name: known.name, cid: found }
  }

  /** As {@link find}, with a new key where there was none. */
  async findOrMake(root: string, signal: AbortSignal): Promise<PublishingKey> {
    const found = await this.find(root, signal)
    if (found !== undefined) return found
    const known = this.#known(root)
    const cid = await this.publisher.makeKey(known.name, signal)
    this.#learn(root, known, cid)
    return { name: known.name, cid }
  }

  /** The key of a root is to be looked for again: what is known of it did not work. */
  doubt(root: string): void {
    this.#known(root).cid = undefined
  }

  /** Whether versions of the root are known to have been published with its key. */
  wasPublished(root: string): boolean {
    return this.#known(root).published
  }

  notePublished(root: string): void {
    const known = this.#known(root)
    if (known.published) return
    known.published = true
    this.#save(root, known)
  }

  #learn(root: string, known: KnownKey, cid: CID): void {
    const text = cid.toString(base36)
    known.cid = cid
    if (known.text === text) return
    if (known.text !== undefined) {
      const change = `${text}, not ${known.text}`
      this.#warn(`the key ${known.name} of the root ${root} is another one than before: ${change}`)
    }
    known.text = text
    known.published = false
    this.#save(root, known)
  }

  #save(root: string, { name, text, published }: KnownKey): void {
    if (text === undefined) return
    const saved = { root, publisher: this.publisher.name, keyName: name, key: text, published }
    this.#memory?.save(saved).catch((error: unknown) => {
      this.#warn(`the key ${name} of the root ${root} could not be noted: ${messageOf(error)}`)
    })
  }

  async #restore(): Promise<void> {
    try {
      for (const { root, publisher, keyName, key, published } of (await this.#memory?.load()) ?? []) {
        const known = this.#keys.get(root)
        if (known?.name !== keyName || publisher !== this.publisher.name) continue
        known.text = key
        known.published = published
      }
    } catch (error) {
      this.#warn(`the keys of roots that were known before could not be read: ${messageOf(error)}`)
    }
  }

  #known(root: string): KnownKey {
    const known = this.#keys.get(root)
    if (known === undefined) throw new Failure('INTERNAL', `"${root}" is no root in the settings`)
    return known
  }
}

function unknownKey({ root, key }: NamedRoot, publisher: NamePublisher): KnownKey {
  return { name: key ?? publisher.keyNameOf(root), cid: undefined, text: undefined, published: false }
}

/** A new key would be another name: whoever follows the old one would never hear of it. */
function gone(root: string, { name, text }: KnownKey, publisher: NamePublisher): Failure {
  return new Failure(
    'STORE_FAILED',
    `the key "${name}" of the root ${root} (${text}) is gone from ${publisher.name}. Put it back, or give the root a new one under another name: --root ${root}=NEWKEY`,
  )
}
