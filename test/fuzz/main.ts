import { parseArgs } from 'node:util'
import { runTarget, type LawDone } from './run.ts'
import { TARGETS } from './targets.ts'
import { startWatchdog } from './watchdog.ts'

const USAGE = `npm run fuzz -- [--runs N] [--seed N] [--minutes N] [--only TARGET[,TARGET]] [--law TEXT] [--path PATH]

  --runs N      inputs for each target; 10000 by default
  --seed N      the same inputs again; another one each time by default
  --minutes N   for each target at most
  --only NAMES  some targets: ${TARGETS.map(({ name }) => name).join(', ')}
  --law TEXT    the laws whose name has this text
  --path PATH   one input of a seed, as a failure tells it`

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    only: { type: 'string' },
    law: { type: 'string' },
    path: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(USAGE)
else process.exitCode = await fuzz()

async function fuzz(): Promise<number> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
  const only = values.only?.split(',')
  const targets = TARGETS.filter(({ name }) => only?.includes(name) ?? true)
  const unknown = only?.filter((name) => !TARGETS.some((target) => target.name === name)) ?? []
  if (unknown.length > 0 || ![seed, Number(values.runs)].every(Number.isInteger)) {
    console.error(`${unknown.map((name) => `there is no target ${name}\n`).join('')}${USAGE}`)
    return 2
  }
  console.log(`seed ${seed}, Node.js ${process.versions.node}`)
  const watchdog = startWatchdog()
  const all: LawDone[] = []
  let peak = 0
  for (const target of targets) {
    console.log(`\n${target.name}`)
    const done = await runTarget(target, {
      runs: Number(values.runs),
      seed,
      path: values.path,
      law: values.law,
      ...(values.minutes === undefined ? {} : { time: Number(values.minutes) * 60_000 }),
      onInput: ({ name }) => watchdog.beat(`${target.name}: ${name}, seed ${seed}`),
      onDone: (one) => tell(target.name, one, seed),
    })
    all.push(...done)
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  await watchdog.end()
  const broken = all.filter(({ failure }) => failure !== undefined).length
  const tried = all.reduce((sum, one) => sum + one.tried, 0)
  console.log(
    `\n${tried} inputs, ${broken} of ${all.length} laws broken, ${Math.round(peak / 2 ** 20)} MiB at most`,
  )
  return broken === 0 ? 0 : 1
}

function tell(target: string, { law, tried, took, slowest, failure }: LawDone, seed: number): void {
  const rate = `${tried} in ${(took / 1000).toFixed(1)} s, slowest ${slowest.toFixed(0)} ms`
  console.log(`  ${failure === undefined ? 'ok    ' : 'BROKEN'} ${law.name} (${rate})`)
  if (failure === undefined) return
  console.log(`    input: ${failure.input.slice(0, 4000)}`)
  console.log(`    ${failure.error.slice(0, 4000).replaceAll('\n', '\n    ')}`)
  const again = failure.path === '' ? '' : ` --path ${failure.path}`
  console.log(`    again: npm run fuzz -- --only ${target} --law '${law.name}' --seed ${seed}${again}`)
}
