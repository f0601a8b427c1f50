import { didYouMean, closest } from './suggestion.ts'
import type { UpstreamSetting } from './upstream-setting.ts'
import { ValueMistake } from './value-mistake.ts'

/** What a registry may be called: a component of a repository's name, as it is found in one, and perhaps a port. */
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?::(\d{1,5}))?$/

/** Words that mean something else where a registry could be named. */
const RESERVED = ['ipfs', 'ipns', 'none']

/** Docker Hub answers at another host than its images name, and has had other names before. */
const HUB = {
  name: 'docker.io',
  url: 'https://registry-1.docker.io',
  aliases: ['index.docker.io', 'registry-1.docker.io'],
} as const

/** @returns `name` @throws ValueMistake */
export function checkUpstreamName(name: string): string {
  const match = NAME.exec(name)
  if (match === null || Number(match[1] ?? 1) > 65535 || match[1] === '0') {
    throw new ValueMistake(
      `has the name "${name}", which is neither a host, with or without a port, nor a plain word, in lower case`,
    )
  }
  if (RESERVED.includes(name)) throw new ValueMistake(`has the name "${name}", which means something else`)
  return name
}

/** @returns `name` @throws ValueMistake */
export function checkMainName(name: string): string {
  checkUpstreamName(name)
  if (HUB.aliases.some((alias) => alias === name))
    throw new ValueMistake(`is ${HUB.name} by another name; write ${HUB.name}`)
  return name
}

/** Where a registry of this name is, when nothing else is said. @throws ValueMistake for a word that is no host */
export function defaultUrl(name: string): string {
  if (name === HUB.name) return HUB.url
  if (!/[.:]/.test(name) && name !== 'localhost')
    throw new ValueMistake(`needs an address: ${name}=https://host`)
  return `https://${name}`
}

/** Names that a registry has without being given them. */
export function knownAliases(name: string): readonly string[] {
  return name === HUB.name ? HUB.aliases : []
}

/** The upstream of this name or alias. */
export function findUpstream<U extends Pick<UpstreamSetting, 'name' | 'aliases'>>(
  upstreams: readonly U[],
  name: string,
): U | undefined {
  return upstreams.find((one) => one.name === name || one.aliases.includes(name))
}

/** What is wrong with a name that is that of no upstream. */
export function noSuchUpstream(upstreams: readonly UpstreamSetting[], name: string): string {
  const names = upstreams.map((one) => one.name)
  const known = upstreams.flatMap((one) => [one.name, ...one.aliases])
  return (
    `names "${name}", which is no upstream${didYouMean(closest(name, known))} ` +
    `(upstreams: ${names.length === 0 ? 'none' : names.join(', ')})`
  )
}
