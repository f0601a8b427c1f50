// `npm run test:faults`: the whole cross of faults, or with --share 0.02 a part of it, chosen by --seed; --only says the
// beginning of the names of cases, as a failure tells it.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({
  options: { share: { type: 'string', default: '1' }, seed: { type: 'string' }, only: { type: 'string' } },
})
const jest = [
  ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'],
  ...['--selectProjects', 'e2e', '--maxWorkers=1', '--testPathPatterns', 'e2e/faults.test'],
]
const env = { ...process.env, FAULT_SHARE: values.share }
env.FAULT_SEED = values.seed ?? randomBytes(4).toString('hex')
if (values.only !== undefined) env.FAULT_ONLY = values.only
const { status } = spawnSync(process.execPath, jest, { cwd: root, stdio: 'inherit', env })
process.exit(status ?? 1)
