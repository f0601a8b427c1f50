import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createProgram } from '../../src/wiring.ts'
import { commandLine, type Ran } from '../fixtures/command-line.ts'
import { inTemporaryFolder, writeFiles } from '../fixtures/folders.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'

const layout = new LayoutBuilder()
const image = layout.image()
const files = layout.list(image, { ref: 'v1' }).files()

let store: Awaited<ReturnType<typeof storeFolder>>
let gateway: ServedGateway

beforeEach(async () => {
  store = await storeFolder()
  gateway = await startServedGateway(store.path, { source: ['embedded'] })
})

afterEach(async () => {
  await gateway.stop()
  await store.remove()
})

/** A command of another process, as far as it can tell: the running gateway holds the store. */
function run(...argv: string[]): Promise<Ran> {
  const settings = ['--store', store.path, '--source', 'embedded']
  return commandLine({ argv: [...argv, ...settings], program: createProgram() })
}

function publish(...flags: string[]): Promise<Ran> {
  return inTemporaryFolder(async (folder) => {
    await writeFiles(folder, files)
    return run('publish', folder, ...flags)
  })
}

test('publish works through the gateway that holds the store, and prints what pulls from there', async () => {
  const { code, stdout } = await publish('--name', 'app')
  expect(code).toBe(0)
  const [root = '', ...lines] = stdout.split('\n')
  expect(lines).toContain(`docker pull localhost:${gateway.port}/ipfs/${root}/app:v1`)
  const answer = await ask(gateway.port, `/v2/ipfs/${root}/app/manifests/v1`)
  expect(answer.headers['docker-content-digest']).toBe(image.digest)
})

test('inspect works through it as well', async () => {
  const [root = ''] = (await publish()).stdout.split('\n')
  const { code, stdout } = await run('inspect', `/ipfs/${root}`, '--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ layout: `/ipfs/${root}`, images: [{ digest: image.digest }] })
})

test('what fails there fails here, with the same message', async () => {
  const { code, stderr } = await run('publish', '/there/is/nothing')
  expect(code).toBe(1)
  expect(stderr).toContain('/there/is/nothing')
})

test('a second gateway on the store is refused', async () => {
  const { code, stderr } = await run('serve', '--listen', '127.0.0.1:0', '--admin-listen', 'off')
  expect(code).toBe(1)
  expect(stderr).toContain('another gateway serves it already')
})
