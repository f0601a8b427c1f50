import { setTimeout as delay } from 'node:timers/promises'
import type { Teardown } from '../harness/teardown.ts'
import { Teardown as OwnTeardown } from '../harness/teardown.ts'
import { Bench } from './bench.ts'
import type { Origins } from './bench.ts'
import { makeCaseImage } from './content.ts'
import type { Asked, Case, Kind } from './cross.ts'
import { faultOf, idOf, isOfNames } from './cross.ts'
import { heldBy, leaksOf } from './held.ts'
import { ask } from './question.ts'
import type { Reply } from './question.ts'
import { Trial } from './trial.ts'
import { flawOf, isRemembered, mayBelieve } from './verdict.ts'
import type { Phase } from './verdict.ts'

/** Cases that share two gateways, and how many of them are under way at once. */
const BATCH = 240
const AT_ONCE = 16
/** ms until a source that is well again must be used. */
const RECOVERY = 30_000

/** Cases of a batch that are tried once more, if they failed for anything but wrong bytes: more are no accident. */
const MOST_LATE = 3

/** @returns one line for each failure, which begins with the case */
export async function runCases(
  kind: Kind,
  cases: readonly Case[],
  origins: Origins,
  progress: (line: string) => void,
): Promise<string[]> {
  const failures: string[] = []
  for (let at = 0; at < cases.length; at += BATCH) {
    const start = Date.now()
    const batch = cases.slice(at, at + BATCH)
    const found = await runApart(kind, batch, origins, progress)
    // What was late may have been so for what else the machine does; alone it must not be. Nothing excuses wrong bytes.
    const late = batch.filter((one) => found.some((line) => isLate(line, one)))
    const certain = found.filter((line) => !late.some((one) => isLate(line, one)))
    failures.push(...certain)
    if (late.length > MOST_LATE) failures.push(...found.filter((line) => !certain.includes(line)))
    else if (late.length > 0) failures.push(...(await runApart(kind, late, origins, progress)))
    const done = Math.min(at + BATCH, cases.length)
    progress(
      `${kind}: ${done} of ${cases.length} in ${Math.round((Date.now() - start) / 1000)} s, ${failures.length} failures`,
    )
  }
  return failures
}

/** Whether a line tells that this case failed, and not by bytes that were wrong. */
function isLate(line: string, one: Case): boolean {
  return line.startsWith(`${idOf(one)}: `) && !line.includes('WRONG')
}

async function runApart(...[kind, cases, origins, progress]: Parameters<typeof runCases>): Promise<string[]> {
  const teardown = new OwnTeardown()
  try {
    return await runBatch(teardown, kind, cases, origins, progress)
  } finally {
    await teardown.run()
  }
}

/** Names of images are never used twice: what is in the origins stays there. */
let images = 0

function trialOf(one: Case): Trial {
  images += 1
  const large = ['layer', 'range', 'ranges'].includes(one.asked)
  return new Trial(one, makeCaseImage(`case-${images}`, `${idOf(one)}#${images}`, large))
}

async function runBatch(
  teardown: Teardown,
  kind: Kind,
  cases: readonly Case[],
  origins: Origins,
  progress: (line: string) => void,
): Promise<string[]> {
  const trials = cases.map(trialOf)
  const warmUps = cases
    .slice(0, 12)
    .flatMap((one) => [
      trialOf({ ...one, sources: 'one', asked: 'layer' }),
      trialOf({ ...one, sources: 'two', asked: 'layer' }),
    ])
  const bench = await Bench.start(teardown, kind, [...trials, ...warmUps], origins)
  for (const { image } of trials) image.layer.bytes = undefined
  const failures: string[] = []
  const fail = (trial: Trial, flaw: string): void => {
    failures.push(`${idOf(trial.one)}: ${flaw}`)
    progress(`npm run test:faults -- --only ${idOf(trial.one)}: ${flaw}`)
  }

  await each(warmUps, 4, async (trial) => {
    for (const asked of ['tag', 'layer'] as const) await askAll(bench, trial, asked)
  })
  const held = await Promise.all(bench.gateways.map(heldBy))

  const [together, alone, last] = inTurns(trials)
  await each(together, AT_ONCE, (trial) => runTrial(bench, trial, fail))
  await each(alone, 1, async (trial) => {
    await runTrial(bench, trial, fail)
    // As long as it may say that it is not to be asked.
    await delay(1_500)
  })
  await each(last, AT_ONCE, (trial) => runTrial(bench, trial, fail))

  const leaks = await Promise.all(
    bench.gateways.map((gateway, i) => leaksOf(gateway, held[i] as (typeof held)[number])),
  )
  failures.push(...leaks.flat().map((leak) => `${kind}: ${leak}`))
  const grown = await Promise.all(
    bench.gateways.map(async (gateway, i) => (await heldBy(gateway)).memory - (held[i]?.memory ?? 0)),
  )
  progress(`${kind}: memory grew by ${grown.map((bytes) => Math.round(bytes / 1024 ** 2)).join(' and ')} MiB`)

  for (const gone of [true, false]) {
    await restart(bench, gone)
    await each(trials, AT_ONCE, async (trial) => {
      const flaw = await (gone ? flawNow(bench, trial, 'gone') : flawInTime(bench, trial, 'back'))
      if (flaw !== undefined) fail(trial, flaw)
    })
  }
  return failures
}

/** Those that leave others alone, those that don't, and those after which others would meet no fault. */
function inTurns(trials: readonly Trial[]): [Trial[], Trial[], Trial[]] {
  const turnOf = ({ one }: Trial): number => {
    const { wide = false, lasting = false } = faultOf(one)
    return lasting ? 2 : wide ? 1 : 0
  }
  const turns: [Trial[], Trial[], Trial[]] = [[], [], []]
  for (const trial of trials) turns[turnOf(trial)]?.push(trial)
  return turns
}

async function restart(bench: Bench, gone: boolean): Promise<void> {
  await Promise.all(bench.gateways.map((gateway) => gateway.down()))
  bench.gone = gone
  await Promise.all(bench.gateways.map((gateway) => gateway.up()))
}

async function runTrial(
  bench: Bench,
  trial: Trial,
  fail: (trial: Trial, flaw: string) => void,
): Promise<void> {
  try {
    const flaw = await flawOfTrial(bench, trial)
    if (flaw !== undefined) fail(trial, flaw)
  } catch (error) {
    fail(trial, `the test itself failed: ${String(error)}`)
  }
  trial.mode = 'well'
}

async function flawOfTrial(bench: Bench, trial: Trial): Promise<string | undefined> {
  const { one } = trial
  const unprepared = await prepare(bench, trial)
  if (unprepared !== undefined) return unprepared
  trial.mode = 'spoilt'
  const replies = await Promise.all(
    Array.from({ length: one.clients }, () => ask(bench.repositoryOf(trial), one.asked, trial.image)),
  )
  const flaw = firstFlaw(one, 'spoilt', replies)
  if (flaw !== undefined) return `with ${trial.spoilt} spoilt answers: ${flaw}`
  if (trial.spoilt === 0 && one.state === 'cold' && faultOf(one).lasting !== true)
    return 'the fault was never met'
  if (one.sources === 'two' && replies.some(({ worth }) => worth !== 'right')) {
    const again = await flawNext(bench, trial)
    if (again !== undefined) return again
  }
  trial.mode = 'well'
  return isRemembered(one) ? undefined : flawInTime(bench, trial, 'healed')
}

function firstFlaw(one: Case, phase: Phase, replies: readonly Reply[]): string | undefined {
  const flaws = replies.map((reply) => flawOf(one, phase, reply)).filter((flaw) => flaw !== undefined)
  // The worst first.
  const [first] = flaws.sort((a, b) => Number(b.startsWith('WRONG')) - Number(a.startsWith('WRONG')))
  return first === undefined ? undefined : `${phase}: ${first} (${flaws.length} of ${replies.length})`
}

/** Bring the gateway into the state of the case. */
async function prepare(bench: Bench, trial: Trial): Promise<string | undefined> {
  const { asked, kind, state } = trial.one
  const ofLayer = ['layer', 'range', 'ranges'].includes(asked)
  if (state === 'cold') return undefined
  const first: Asked = state === 'warm' ? (ofLayer ? 'layer' : asked) : BEFORE[asked]
  let [reply] = await askAll(bench, trial, first)
  // A busy machine may take longer than the gateway is told to; once.
  if (reply?.got.status === 504) [reply] = await askAll(bench, trial, first)
  const flaw = reply === undefined ? undefined : flawOf(trial.one, 'healed', reply)
  if (flaw !== undefined) return `not prepared: ${flaw}`
  if (state === 'half' && ofLayer) await fetchHalf(bench, trial)
  // Its TTL is over then.
  if (state === 'warm' && isOfNames(kind)) await delay(1_200)
  return undefined
}

/** What of an image is known before. */
const BEFORE: Readonly<Record<Asked, Asked>> = {
  manifest: 'tags',
  tag: 'tags',
  referrers: 'tags',
  tags: 'tag',
  config: 'manifest',
  layer: 'manifest',
  range: 'manifest',
  ranges: 'manifest',
}

/** Half of the layer arrives, then its client leaves. */
async function fetchHalf(bench: Bench, trial: Trial): Promise<void> {
  trial.mode = 'half'
  const leaving = new AbortController()
  const asking = ask(bench.repositoryOf(trial), 'layer', trial.image, leaving.signal)
  await delay(300)
  leaving.abort()
  await asking
  trial.mode = 'well'
}

async function askAll(bench: Bench, trial: Trial, asked: Asked): Promise<Reply[]> {
  return [await ask(bench.repositoryOf(trial), asked, trial.image)]
}

async function flawNow(bench: Bench, trial: Trial, phase: Phase): Promise<string | undefined> {
  return firstFlaw(trial.one, phase, await askAll(bench, trial, trial.one.asked))
}

/** Sources that are well for this case may be under suspicion at this moment for what they did to others. */
async function flawNext(bench: Bench, trial: Trial): Promise<string | undefined> {
  let flaw: string | undefined
  for (let tries = 0; tries < 3; tries += 1) {
    flaw = await flawNow(bench, trial, 'next')
    if (flaw === undefined || flaw.includes('WRONG')) break
  }
  return flaw
}

/** Ask until it is right; what is still wrong with it when time is up. Whole layers too, where parts were asked for. */
async function flawInTime(bench: Bench, trial: Trial, phase: Phase): Promise<string | undefined> {
  const { asked } = trial.one
  const wanted: Asked[] = asked === 'range' || asked === 'ranges' ? [asked, 'layer'] : [asked]
  for (const each of wanted) {
    for (const end = Date.now() + RECOVERY; ; await delay(250)) {
      const [reply] = await askAll(bench, trial, each)
      const flaw = reply === undefined ? undefined : flawOf(trial.one, phase, reply)
      if (flaw === undefined) break
      const isKnown = isOfNames(trial.one.kind) && mayBelieve(trial.one)
      // Where a name led is believed until its TTL is over.
      if ((flaw.startsWith('WRONG') && !isKnown) || Date.now() > end) return `${phase}: ${each}: ${flaw}`
    }
  }
  return undefined
}

async function each<T>(
  items: readonly T[],
  atOnce: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items].reverse()
  const worker = async (): Promise<void> => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await action(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
