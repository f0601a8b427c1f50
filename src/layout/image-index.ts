import { createHash } from 'node:crypto'
import { Failure } from '../errors.ts'
import type { Digest } from '../reference/digest.ts'
import { digestOf } from '../reference/digest.ts'
import type { Descriptor } from './descriptor.ts'
import { parseDescriptor } from './descriptor.ts'
import type { JsonObject } from './json-object.ts'
import { parseJsonObject } from './json-object.ts'
import { isIndexType } from './media-type.ts'

/** The index.json of a layout (image-spec, image-layout.md). */
export interface LayoutIndex {
  /** Its entries in file order, also those of unknown media types; those without a usable digest or size left out. */
  readonly descriptors: readonly Descriptor[]
  /** sha256 of `bytes`. */
  readonly digest: Digest
  readonly bytes: Uint8Array
}

/**
 * Parse index.json.
 *
 * @throws Failure NAME_UNKNOWN when it is no image index
 */
export function parseIndex(bytes: Uint8Array): LayoutIndex {
  const document = parseJsonObject(bytes)
  if (document === undefined) throw noIndex('it is not a JSON object')
  checkIndex(document)
  const entries = document['manifests'] as unknown[]
  return {
    descriptors: entries.map(parseDescriptor).filter((descriptor) => descriptor !== undefined),
    digest: digestOf('sha256', createHash('sha256').update(bytes).digest('hex')),
    bytes,
  }
}

function checkIndex(document: JsonObject): void {
  const { schemaVersion, mediaType, manifests } = document
  if (schemaVersion !== 2) throw noIndex('its schemaVersion is not 2')
  if (typeof mediaType === 'string' && mediaType !== '' && !isIndexType(mediaType)) {
    throw noIndex(`its mediaType is ${mediaType.slice(0, 100)}`)
  }
  if (!Array.isArray(manifests)) throw noIndex('it has no list of manifests')
}

function noIndex(why: string): Failure {
  return new Failure('NAME_UNKNOWN', `the index.json here is not that of an OCI image layout: ${why}`)
}
