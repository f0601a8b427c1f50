// Pushes into the roots of a store, as the gateway would, until it is killed. Prints a line of JSON for each thing it
// was told is done. Usage: node pushing-child.mjs FOLDER [blobs to push, then wait]
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { BufferPool } from '../../../dist/cache/buffer-pool.js'
import { DiskBlobs } from '../../../dist/cache/disk-blobs.js'
import { openMetadata } from '../../../dist/cache/metadata.js'
import { BlockTable } from '../../../dist/content/embedded/block-table.js'
import { buildDirectoryTree } from '../../../dist/publish/directory-tree.js'
import { createEmbeddedRoots } from '../../../dist/roots/embedded/embedded-roots.js'

const MIB = 1024 * 1024
const { signal } = new AbortController()
const [folder, mode] = process.argv.slice(2)

const metadata = await openMetadata(`${folder}/metadata`)
const pool = new BufferPool({ large: MIB / 2, small: MIB / 4, limit: 4 * MIB })
const blobs = await DiskBlobs.open({ folder, metadata, cacheSize: 1000, pool })
const table = new BlockTable(metadata)
const store = { metadata, blobs, table }
const roots = createEmbeddedRoots({ store, uploadTimeout: 24 * 3_600_000, history: 3 })

function tell(line) {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

async function* inPieces(bytes) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

async function push(place, size) {
  const bytes = randomBytes(size)
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const { id } = await roots.uploads.begin(place, signal)
  const cut = randomInt(size + 1)
  const part = (from, until) => ({
    start: from,
    length: until - from,
    bytes: inPieces(bytes.subarray(from, until)),
  })
  await roots.uploads.append(place, id, part(0, cut), signal)
  const file = await roots.uploads.finish(place, id, digest, part(cut, size), signal)
  tell({ staged: digest, place, cid: file.cid.toString() })
  return { digest, file }
}

async function commit(root, files) {
  const blocks = []
  const entries = files.map(({ digest, file }) => ({ path: `app/blobs/${digest}`, file }))
  const { root: cid } = await buildDirectoryTree(entries, (block) => void blocks.push(block), signal)
  const base = await roots.versions.head(root, signal)
  const version = await roots.versions.commit(root, base, { cid, blocks }, signal)
  tell({ root, number: version.number, cid: cid.toString() })
}

async function pushOn(root) {
  const place = { root, repository: 'app' }
  for (const files = []; ;) {
    const pushed = await push(place, randomInt(3 * MIB))
    files.push(pushed)
    if (files.length > 3) files.shift()
    await commit(root, files)
    tell({ dropping: pushed.digest, place })
    await roots.staged.drop(place, [pushed.digest], signal)
  }
}

async function collectOn() {
  for (;;) {
    await roots.collect({ dryRun: false, signal })
    tell({ collected: true })
  }
}

/** Pushes a blob for each line that says how large it is to be. */
async function pushAsTold() {
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      await push({ root: 'home', repository: 'app' }, Number(line))
    } catch (error) {
      tell({ failed: error.code, message: error.message })
    }
  }
}

tell({ open: true })
if (mode === 'as-told') await pushAsTold()
else await Promise.all([pushOn('a'), pushOn('b'), pushOn('c'), collectOn()])
