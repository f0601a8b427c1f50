import type { Digest } from '../reference/digest.ts'
import { encodedOf, algorithmOf } from '../reference/digest.ts'

/** Hexadecimal digits of a digest that go into a tag. */
const LENGTH = 64
const FORM = /^(?:sha256|sha512)-[0-9a-f]{64}$/
const PREFIX = /^(?:sha256|sha512)-[0-9a-f]{64}(?:\.|$)/

/** The tag that holds the referrers of a manifest where a registry lacks the API (distribution-spec, "Referrers Tag Schema"). */
export function fallbackTagOf(subject: Digest): string {
  return `${algorithmOf(subject)}-${encodedOf(subject).slice(0, LENGTH)}`
}

export function isFallbackTag(tag: string): boolean {
  return FORM.test(tag)
}

/** Whether a tag stands for what is attached to a digest: a fallback tag, or cosign's `.sig`, `.att`, `.sbom`. */
export function isDigestTag(tag: string): boolean {
  return PREFIX.test(tag)
}
