import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { binFolder, linkProgram } from './folders.mjs'

/**
 * The OCI distribution conformance suites, which are no Go module of their own that could be pinned here: build
 * them from opencontainers/distribution-spec, folder conformance, into a folder that CONFORMANCE_DIR names.
 * `oci-conformance` is the suite of the main branch (`go build`), `oci-conformance-v1.1.1` that of the tag v1.1.1
 * (`go test -c`).
 */
const SUITES = ['oci-conformance', 'oci-conformance-v1.1.1']

export function linkConformanceSuites(problems) {
  const folder = process.env.CONFORMANCE_DIR
  for (const suite of SUITES) {
    const built = folder === undefined ? undefined : resolve(folder, suite)
    if (built !== undefined && existsSync(built)) {
      linkProgram(built, suite)
    } else if (!existsSync(join(binFolder, suite))) {
      problems.push(`${suite} is missing: build it and name its folder in CONFORMANCE_DIR`)
    }
  }
}
