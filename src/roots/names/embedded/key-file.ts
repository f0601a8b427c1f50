import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  type KeyObject,
} from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CID } from 'multiformats/cid'
import * as Multihash from 'multiformats/hashes/digest'
import { Failure, messageOf, systemCodeOf } from '../../../errors.ts'
import { CODEC, HASH } from '../../../reference/cid.ts'

/** An Ed25519 key that IPNS records are signed with. */
export interface SigningKey {
  /** libp2p-key CIDv1: the IPNS name. */
  readonly cid: CID
  readonly sign: (data: Uint8Array) => Uint8Array
}

/**
 * Read a private key: PKCS#8 in PEM, as `ipfs key export --format=pem-pkcs8-cleartext` and OpenSSL write it.
 *
 * @returns undefined when there is no such file
 * @throws Failure STORE_FAILED when there is one that can't be read, or holds no Ed25519 key
 */
export async function readKeyFile(path: string): Promise<SigningKey | undefined> {
  let pem: string
  try {
    pem = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw broken(path, messageOf(error), error)
  }
  let key: KeyObject
  try {
    key = createPrivateKey({ key: pem, format: 'pem' })
  } catch (error) {
    throw broken(path, 'it holds no private key in PEM that is not encrypted', error)
  }
  const type = key.asymmetricKeyType
  if (type !== 'ed25519') throw broken(path, `its key is of the type ${type ?? 'unknown'}, not ed25519`)
  return signingKey(key)
}

/**
 * Make a key and write it, readable by its owner only. It takes the place of no file, and is on the disk when this
 * resolves, whole.
 *
 * @throws Failure STORE_FAILED, also when there is a file of this name
 */
export async function createKeyFile(path: string): Promise<SigningKey> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const folder = dirname(path)
  const draft = `${path}.${randomUUID()}`
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeSynced(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }))
    // As with O_EXCL, but never half a file.
    await link(draft, path)
    await syncFolder(folder)
  } catch (error) {
    throw new Failure('STORE_FAILED', `the key ${path} can't be written: ${messageOf(error)}`, {
      cause: error,
    })
  } finally {
    await rm(draft, { force: true }).catch(() => undefined)
  }
  return signingKey(privateKey)
}

async function writeSynced(path: string, text: string | Buffer): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function signingKey(key: KeyObject): SigningKey {
  const raw = Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url')
  // PublicKey { required KeyType Type = 1; required bytes Data = 2; } (libp2p specs, peer-ids.md)
  const encoded = Buffer.concat([Buffer.from([0x08, 0x01, 0x12, raw.length]), raw])
  const cid = CID.createV1(CODEC.libp2pKey, Multihash.create(HASH.identity, encoded))
  return { cid, sign: (data) => sign(null, data, key) }
}

function broken(path: string, why: string, cause?: unknown): Failure {
  const advice = 'Put back the right one; no new key is made over it'
  return new Failure('STORE_FAILED', `the key ${path} can't be used: ${why}. ${advice}`, { cause })
}
