import { afterAll, describe, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { until } from './harness/child.ts'
import { Gateway } from './harness/gateway-process.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { repositoryFolder } from './harness/tools.ts'

const SDK = pathToFileURL(
  join(repositoryFolder, 'node_modules/@opentelemetry/sdk-trace-node/build/src/index.js'),
)

/** Writes each span to the standard output. */
const START = `
import sdk from '${SDK.href}'
const processor = new sdk.SimpleSpanProcessor(new sdk.ConsoleSpanExporter())
new sdk.NodeTracerProvider({ spanProcessors: [processor] }).register()
`

describe('traces', () => {
  const teardown = new Teardown()
  afterAll(() => teardown.run(), 60_000)

  test('are made where an SDK is loaded before the program', async () => {
    const file = join(await tempFolder(teardown, 'otel'), 'start.mjs')
    await writeFile(file, START)
    const env = { NODE_OPTIONS: `--import ${pathToFileURL(file).href}` }
    const gateway = await Gateway.start(teardown, { sources: ['embedded'], env })
    const answer = await fetch(`${gateway.url}/v2/`)
    await answer.body?.cancel()
    await until('a span', () => gateway.process.stdout().includes("'http.route': '/v2/'"))
    expect(gateway.process.stdout()).toContain("'http.response.status_code': 200")
  }, 60_000)

  test('are not made where none is', async () => {
    const gateway = await Gateway.start(teardown, { sources: ['embedded'] })
    expect(gateway.process.stdout()).toBe('')
  }, 60_000)
})
