#!/usr/bin/env node
// Installs the real programs that the end-to-end tests run: `node scripts/install-tools.mjs [--no-system]`.
// Programs from Debian's packages come by apt-get (as root on Debian; elsewhere what is missing is named), Go
// programs are built from the modules pinned under scripts/tools/ and end up in .cache/tools/bin.
import { buildBaseImage } from './tools/base-image.mjs'
import { buildGoPrograms } from './tools/go-programs.mjs'
import { installDebianPackages } from './tools/debian-packages.mjs'
import { linkGivenPrograms } from './tools/given-programs.mjs'
import { buildGatewayConformance } from './tools/gateway-conformance.mjs'

const problems = []
// Kubo takes longest and most tests need it, so the compiler starts before apt-get.
const programs = buildGoPrograms(problems).then(() => buildGatewayConformance(problems))
if (!process.argv.includes('--no-system')) await installDebianPackages(problems)
linkGivenPrograms(problems)
await Promise.all([programs, buildBaseImage(problems)])

for (const problem of problems) console.error(`install-tools: ${problem}`)
process.exitCode = problems.length > 0 ? 1 : 0
