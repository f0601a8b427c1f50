/** DNS limits (RFC 1035, 2.3.4), less room for the `_dnslink.` in front. */
const MAX_LABEL_LENGTH = 63
const MAX_NAME_LENGTH = 253 - '_dnslink.'.length

const LABEL = /^[a-z0-9]+([_-]+[a-z0-9]+)*$/
/** No top-level domain is numeric (RFC 3696, 2), so `1.2` and `10.0.0.1` are no domain names. */
const TOP_LEVEL = /^([a-z]{2,}|xn--[a-z0-9-]+)$/

/** Whether `text` is a lower-case domain name of two labels or more, without trailing dot. */
export function isDomainName(text: string): boolean {
  const labels = text.split('.')
  return (
    text.length <= MAX_NAME_LENGTH &&
    labels.length >= 2 &&
    labels.every((label) => label.length <= MAX_LABEL_LENGTH && LABEL.test(label)) &&
    TOP_LEVEL.test(labels.at(-1) ?? '')
  )
}

/**
 * The domain name that is inlined into one label, as subdomain gateways do it: `-` stands for a dot and `--` for a
 * dash (`en-wikipedia--on--ipfs-org`).
 *
 * @returns undefined when what comes out is no domain name, as for `foo`, `v-2` or `a---b`
 */
export function inlinedDomainName(label: string): string | undefined {
  if (label.includes('.') || label.length > MAX_LABEL_LENGTH) return undefined
  const name = label.replaceAll(/--|-/g, (dashes) => (dashes === '--' ? '-' : '.'))
  return isDomainName(name) ? name : undefined
}
