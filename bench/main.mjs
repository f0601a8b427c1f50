// npm run bench -- [scenario…] [--rounds N] [--build NAME=MAIN.JS]… [--json FILE] : see README.md.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { machine, versions } from './machine.mjs'
import { repositoryFolder } from './process.mjs'
import { Report } from './report.mjs'
import { Scope } from './scope.mjs'
import * as car from './scenarios/car.mjs'
import * as coldBlob from './scenarios/cold-blob.mjs'
import * as economy from './scenarios/economy.mjs'
import * as growth from './scenarios/growth.mjs'
import * as memory from './scenarios/memory.mjs'
import * as publish from './scenarios/publish.mjs'
import * as pullThrough from './scenarios/pull-through.mjs'
import * as push from './scenarios/push.mjs'
import * as smallAnswers from './scenarios/small-answers.mjs'
import * as warmBlob from './scenarios/warm-blob.mjs'

const SCENARIOS = {
  'warm-blob': warmBlob,
  'small-answers': smallAnswers,
  'cold-blob': coldBlob,
  car,
  'pull-through': pullThrough,
  push,
  publish,
  economy,
  memory,
  growth,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    build: { type: 'string', multiple: true, default: [] },
    only: { type: 'string' },
    largest: { type: 'string', default: 'Infinity' },
    json: { type: 'string' },
    quiet: { type: 'boolean', default: false },
  },
})
/** By itself it takes as long as all others, and five times the disk. */
const ONLY_BY_NAME = 'growth'
const all = Object.keys(SCENARIOS).filter((name) => name !== ONLY_BY_NAME)
const names = positionals.length === 0 ? all : positionals
const unknown = names.find((name) => !(name in SCENARIOS))
if (unknown !== undefined) {
  console.error(`no scenario ${unknown}; there are ${Object.keys(SCENARIOS).join(', ')}`)
  process.exit(2)
}

const builds = new Map([['ours', `${repositoryFolder}dist/main.js`]])
for (const build of values.build) {
  const [name, main] = build.split('=')
  builds.set(name, resolve(main))
}

const scope = new Scope()
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    interrupted = true
    void scope.end().then(() => process.exit(130))
  })
}

const here = machine()
const { cores, model, memory: bytes } = here
console.log(
  `${cores} × ${model}, ${Math.round(bytes / 2 ** 30)} GiB, ${here.platform} ${here.release} ${here.arch}, Node ${process.version}\n`,
)
const about = { started: new Date().toISOString(), arguments: process.argv.slice(2), machine: here }
const report = new Report()
try {
  for (const name of names) {
    const own = scope.inner()
    report.begin(name, SCENARIOS[name].title)
    await SCENARIOS[name].measure({
      scope: own,
      builds,
      rounds: Number(values.rounds),
      only: values.only === undefined ? undefined : new RegExp(values.only),
      log: values.quiet ? () => undefined : (text) => console.error(text),
      report,
      largest: Number(values.largest),
    })
    await own.end()
    if (values.json !== undefined) await report.write(values.json, { ...about, versions: await versions() })
  }
} catch (error) {
  if (!interrupted) throw error
} finally {
  await scope.end()
}
