// npm run soak -- [--minutes N] [--seed N] [--clients N]: see README.md.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { makeImage } from './image.mjs'
import { repositoryFolder } from './process.mjs'
import { startGateway } from './programs/gateway.mjs'
import { DISTRIBUTION, startRegistry } from './programs/registry.mjs'
import { Scope } from './scope.mjs'
import { Client } from './soak/client.mjs'
import { startFaultyLine } from './soak/faulty-line.mjs'
import { Load } from './soak/load.mjs'
import { holdings, stretches, watchHoldings } from './soak/process-watch.mjs'
import { Random } from './soak/random.mjs'
import { markdown } from './table.mjs'

const MiB = 2 ** 20
/** Far less than there is to pull, so that most of it comes again and again. */
const CACHE = 16 * MiB
/** s in which a gateway that nobody asks has let go of everything, also of connections that it keeps for a while. */
const IDLE = 75
/** Connections that stay: one to each place whose health is looked after, or that was asked last. */
const PLACES = 4
/** Memory is judged where it has had the time to grow, in minutes. */
const JUDGED = 3

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    clients: { type: 'string', default: '12' },
  },
})
const [minutes, seed, clients] = [Number(values.minutes), Number(values.seed), Number(values.clients)]
console.log(`${minutes} minutes, ${clients} clients, --seed ${seed}\n`)

const scope = new Scope()
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void scope.end().then(() => process.exit(130)))
}
const problems = []
try {
  await soak(new Random(seed))
} finally {
  await scope.end()
}
for (const problem of problems) console.log(`NOT GOOD: ${problem}`)
console.log(problems.length === 0 ? 'good' : `${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

async function soak(random) {
  const main = `${repositoryFolder}dist/main.js`
  const client = new Client()
  scope.defer(() => client.close())

  const origin = await startGateway(scope, { main })
  const published = await publish(origin)
  const registry = await startRegistry(scope, DISTRIBUTION)
  const upstream = await pushTo(registry)

  const lines = {
    gateway: await startFaultyLine(scope, origin.url, random.fork()),
    registry: await startFaultyLine(scope, registry.url, random.fork()),
  }
  const tested = await startGateway(scope, {
    main,
    sources: ['embedded', `gateway=${lines.gateway.url}`, `gateway=${origin.url}`],
    upstreams: [`docker.io=${lines.registry.url};fallback=${registry.url}`],
    push: true,
    env: {
      IPFS_REGISTRY_CACHE_SIZE: String(CACHE),
      IPFS_REGISTRY_MEMORY_CACHE_SIZE: String(4 * MiB),
      IPFS_REGISTRY_STALL_TIMEOUT: '2s',
      IPFS_REGISTRY_BACKGROUND_TIMEOUT: '5s',
    },
  })

  const load = new Load(tested.url, { published, upstream }, client)
  const start = await holdings(tested.pid, tested.store)
  const stop = watchHoldings(tested.pid, tested.store)
  const until = Date.now() + minutes * 60_000
  await Promise.all(Array.from({ length: clients }, () => load.run(random.fork(), until)))
  const samples = stop()
  await load.checkTags()
  await client.close()
  const end = await whenIdle(tested, start)
  report(load, lines, samples, start, end)
}

/** Images of layers of many sizes, in the gateway that the others are asked through. */
async function publish(origin) {
  const folder = await scope.folder('published')
  const images = []
  for (let at = 0; at < 10; at += 1) {
    const path = `team-${at % 3}/app-${at}`
    const sizes = [(at + 1) * MiB + at * 77, 300_000 + at, 1 + at * 1000]
    images.push({ path, image: await makeImage(folder, { seed: `published ${at}`, sizes, path }) })
  }
  return { images, root: await origin.publish(folder) }
}

async function pushTo(registry) {
  const folder = await scope.folder('upstream')
  const images = []
  for (let at = 0; at < 6; at += 1) {
    const name = `library/base-${at}`
    const image = await makeImage(folder, {
      seed: `upstream ${at}`,
      sizes: [(at + 1) * MiB, 50_000 + at],
      path: `base-${at}`,
    })
    await registry.push(image, name)
    images.push({ name, image })
  }
  return images
}

/** What is still held once nobody has asked for long, or as soon as nothing is. */
async function whenIdle({ pid, store }, start) {
  for (let second = 0; ; second += 1) {
    const held = await holdings(pid, store)
    if (second >= IDLE || (held.sockets <= start.sockets + PLACES && held.blobs + held.incoming === 0))
      return held
    await delay(1_000)
  }
}

function report(load, lines, samples, start, end) {
  const stretch = (field) => stretches(samples, field)
  const done = Object.entries(load.counts).map(([action, count]) => `${action} ${count}`)
  console.log(`done: ${done.join(', ')}`)
  for (const [name, { faults }] of Object.entries(lines)) {
    const made = Object.entries(faults).map(([fault, count]) => `${fault} ${count}`)
    console.log(`faults on the way to the ${name}: ${made.join(', ')}`)
  }
  console.log(`answers of the registry that were cut, and came whole when asked for again: ${load.again}\n`)
  const memory = stretch('memory')
  const row = (name, field) => [
    name,
    Math.round(start[field]),
    ...stretch(field).map(({ median, highest }) => `${Math.round(median)}–${Math.round(highest)}`),
    Math.round(end[field]),
  ]
  const head = ['median–highest', 'start', '1st quarter', '2nd', '3rd', '4th', 'idle in the end']
  const counted = [
    ['memory, MiB', 'memory'],
    ['sockets', 'sockets'],
    ['blobs', 'blobs'],
    ['incoming', 'incoming'],
    ['other files', 'others'],
  ]
  console.log(`${markdown([head, ...counted.map(([name, field]) => row(name, field))])}\n`)
  problems.push(
    ...load.wrong.map((text) => `wrong: ${text}`),
    ...load.failed.map((text) => `failed: ${text}`),
  )
  if (end.sockets > start.sockets + PLACES)
    problems.push(`${end.sockets} sockets are open, ${start.sockets} at the start`)
  if (end.blobs + end.incoming > 0) problems.push(`${end.blobs + end.incoming} files of blobs are open`)
  if (minutes >= JUDGED && memory[3].median > memory[1].median * 1.2 + 16) {
    problems.push(`memory grows: ${Math.round(memory[1].median)} MiB, then ${Math.round(memory[3].median)}`)
  }
}
