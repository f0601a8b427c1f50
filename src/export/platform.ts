import { Failure } from '../errors.ts'

/** Architectures by the names that Node.js has for them (`os.arch()`), where those differ. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
}

/** What a container runs as on this machine: `linux/amd64`. @param arch as `os.arch()` has it */
export function platformHere(arch: string): string {
  return `linux/${ARCHITECTURES[arch] ?? arch}`
}

const FORM = /^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9_.]+)?$/

/** @throws Failure NAME_INVALID when it is not `os/arch` or `os/arch/variant` */
export function checkPlatform(text: string): void {
  if (FORM.test(text)) return
  throw new Failure(
    'NAME_INVALID',
    `"${text.slice(0, 100)}" is no platform such as linux/arm64 or linux/arm/v7`,
  )
}

/**
 * Which of the platforms is meant: that very one, else, where no variant is asked for, the first of the architecture.
 *
 * @returns undefined when none of them is
 */
export function matchPlatform<Of extends { readonly platform: string }>(
  wanted: string,
  available: readonly Of[],
): Of | undefined {
  const text = canonical(wanted)
  return (
    available.find(({ platform }) => canonical(platform) === text) ??
    available.find(({ platform }) => text.split('/').length === 2 && platform.startsWith(`${text}/`))
  )
}

/** Variants that are the same as none. */
function canonical(platform: string): string {
  return platform.replace(/^([^/]+\/arm64)\/v8$|^([^/]+\/amd64)\/v1$/, '$1$2')
}
