import { expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { run } from './harness/child.ts'
import { repositoryFolder } from './harness/tools.ts'

/** As a command has it that publishes: no socket, no timer. */
const SCRIPT = `
  const { BlobThread } = await import(process.argv[1])
  const thread = new BlobThread()
  await thread.start()
  const sums = thread.open('sha256', 8e6)
  await sums.update(new Uint8Array(new SharedArrayBuffer(8e6)))
  console.log(await sums.digest())
  await thread.write(1, new Uint8Array(new SharedArrayBuffer(0)), 0)
  console.log('written')
`

test('a process that waits for nothing but its blob thread does not end, and then does', async () => {
  const thread = join(repositoryFolder, 'dist/cache/blob-thread.js')
  const out = await run('node', ['--input-type=module', '--eval', SCRIPT, thread])
  expect(out.trim().split('\n')).toEqual([
    createHash('sha256').update(new Uint8Array(8e6)).digest('hex'),
    'written',
  ])
})
