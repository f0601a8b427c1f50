import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { binFolder, linkProgram } from './folders.mjs'

/**
 * Programs that are no Go modules that could be pinned here: build them into a folder that CONFORMANCE_DIR names.
 * The OCI distribution conformance suites come from opencontainers/distribution-spec, folder conformance:
 * `oci-conformance` is the suite of the main branch (`go build`), `oci-conformance-v1.1.1` that of the tag v1.1.1
 * (`go test -c`). `oci-registry-p2p` comes from yuval-k/oci-registry-p2p.
 */
const PROGRAMS = ['oci-conformance', 'oci-conformance-v1.1.1', 'oci-registry-p2p']

export function linkGivenPrograms(problems) {
  const folder = process.env.CONFORMANCE_DIR
  for (const program of PROGRAMS) {
    const built = folder === undefined ? undefined : resolve(folder, program)
    if (built !== undefined && existsSync(built)) {
      linkProgram(built, program)
    } else if (!existsSync(join(binFolder, program))) {
      problems.push(`${program} is missing: build it and name its folder in CONFORMANCE_DIR`)
    }
  }
}
