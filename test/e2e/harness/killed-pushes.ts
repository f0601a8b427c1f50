import { expect } from '@jest/globals'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent } from 'undici'
import { Acknowledged } from './acknowledged.ts'
import type { Gateway } from './gateway-process.ts'
import { descriptorOf, makeImage, objectsOf } from './images.ts'
import { crane, skopeo, type PushBy } from './pushers.ts'
import type { Random } from './random.ts'
import { RawPusher } from './raw-pusher.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

/** Clients of our own that push at once. */
const CLIENTS = 4
/** Objects that are acknowledged before something is killed, at most, and then ms until it is. */
const MOST_BEFORE = 24
const LATEST = 60
/** Problems that a failure tells. */
const SHOWN = 20
/** Rounds from one push by another program to the next. */
const PROGRAM_EVERY = 3

/** Programs that {@link KilledPushes} needs. */
export const KILL_PROGRAMS = ['umoci', 'skopeo', 'crane'] as const

export interface Round {
  readonly number: number
  readonly random: Random
  /** While everybody pushes, at some moment: something is killed. */
  readonly kill: () => Promise<void>
  /** When no client of our own pushes any more; another program may. */
  readonly restart: () => Promise<void>
}

/** Clients that push to gateways over one store, of which any may be killed; and what they were told. */
export class KilledPushes {
  readonly #gateways: readonly Gateway[]
  readonly #layouts: readonly string[]
  readonly #programs: readonly PushBy[]
  readonly #dispatcher: Agent
  readonly #acknowledged = new Acknowledged()
  readonly #problems: string[] = []

  private constructor(
    gateways: readonly Gateway[],
    layouts: readonly string[],
    programs: readonly PushBy[],
    dispatcher: Agent,
  ) {
    this.#gateways = gateways
    this.#layouts = layouts
    this.#programs = programs
    this.#dispatcher = dispatcher
  }

  static async prepare(teardown: Teardown, gateways: readonly Gateway[]): Promise<KilledPushes> {
    const folder = await tempFolder(teardown, 'images')
    const names = ['one', 'two', 'three']
    await Promise.all(
      names.map((name) =>
        makeImage(join(folder, name), 'image', { layers: [200_000, 1_300_000], seed: name }),
      ),
    )
    const programs = await Promise.all([skopeo, crane].map((program) => program.start(teardown)))
    const dispatcher = new Agent()
    teardown.defer(() => dispatcher.destroy())
    const layouts = names.map((name) => join(folder, name))
    return new KilledPushes(gateways, layouts, programs, dispatcher)
  }

  /** How much was acknowledged. */
  get counts(): { objects: number; tags: number } {
    return this.#acknowledged.counts
  }

  async round({ number, random, kill, restart }: Round): Promise<void> {
    const ending = new AbortController()
    const clients = Array.from({ length: CLIENTS }, (_, at) =>
      this.#client(`c${at}`, random.named(at)).pushUntil(ending.signal),
    )
    const program = number % PROGRAM_EVERY === 0 ? this.#pushByProgram(number, random) : undefined
    try {
      await this.#acknowledged.more(random.below(MOST_BEFORE))
      await delay(random.below(LATEST))
      await kill()
    } finally {
      ending.abort()
      await Promise.all(clients)
    }
    await restart()
    await program
  }

  /** All that was acknowledged is there. @param everything or what is new, and some of the rest */
  async expectAll(random: Random, everything = false): Promise<void> {
    const { url } = random.pick(this.#gateways)
    const problems = await this.#acknowledged.problems(url, everything, random)
    const found = [...this.#problems, ...problems].slice(0, SHOWN)
    expect({ seed: random.seed, problems: found }).toEqual({
      seed: random.seed,
      problems: [],
    })
  }

  #client(client: string, random: Random): RawPusher {
    return new RawPusher({
      client,
      random,
      urls: this.#gateways.map(({ url }) => url),
      dispatcher: this.#dispatcher,
      acknowledged: this.#acknowledged,
      complain: (problem) => this.#problems.push(problem),
    })
  }

  /** Whether it succeeds is nobody's business; if it does, it has to be there. */
  async #pushByProgram(number: number, random: Random): Promise<void> {
    const layout = random.pick(this.#layouts)
    const { host } = random.pick(this.#gateways)
    const repository = `programs/round-${number}`
    const { digest, size } = await descriptorOf(layout, 'image')
    const blobs = (await objectsOf(layout, digest, size)).map((object) => object.digest)
    const push = random.pick(this.#programs)
    const { tag, acknowledge } = this.#acknowledged.tagging('image', {
      repository,
      digest,
      blobs: blobs.filter((one) => one !== digest),
    })
    const pushed = await push({ layout, tag, reference: `${host}/${repository}:${tag}` }).then(
      () => true,
      () => false,
    )
    if (pushed) acknowledge()
  }
}
