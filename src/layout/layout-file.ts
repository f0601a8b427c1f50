import { Failure } from '../errors.ts'
import { parseJsonObject } from './json-object.ts'

/** image-spec, image-layout.md, "oci-layout file". */
const VERSION = '1.0.0'

/**
 * Check the `oci-layout` file.
 *
 * @throws Failure NAME_UNKNOWN when it is none, or of a version that this gateway does not read
 */
export function checkLayoutFile(bytes: Uint8Array): void {
  const version = parseJsonObject(bytes)?.['imageLayoutVersion']
  if (version === VERSION) return
  throw new Failure(
    'NAME_UNKNOWN',
    typeof version === 'string'
      ? `the layout here is of version ${version.slice(0, 40)}; this gateway reads ${VERSION}`
      : 'the oci-layout file here does not say imageLayoutVersion, so this is no OCI image layout',
  )
}
