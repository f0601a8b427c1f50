/** Whether an `If-None-Match` header names this entity tag (RFC 9110, 13.1.2); unquoted tags are taken as well. */
export function noneMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some((part) => {
    const candidate = part.trim().replace(/^W\//, '')
    return candidate === '*' || candidate === `"${tag}"` || candidate === tag
  })
}

/** Whether `If-Range` allows a range to be served (RFC 9110, 13.1.5): a strong match, or no such header. */
export function rangeAllowed(header: string | undefined, tag: string): boolean {
  return header === undefined || header.trim() === `"${tag}"`
}
