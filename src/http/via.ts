import { randomUUID } from 'node:crypto'

const PREFIX = 'ipfs-registry-'
/** One of our own in a `Via` header (RFC 9110, 7.6.3); others may stand between them. */
const GATEWAY = /\bipfs-registry-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g
/** Gateways of those that a request has passed which are told. */
const MOST = 16

/** What a gateway calls itself in `Via`, so that it knows a request that comes back to it. */
export function newGatewayName(): string {
  return PREFIX + randomUUID()
}

/**
 * The gateways that a request has passed, oldest first, and of too many the last ones: what a client makes up in front
 * hides none of them. They are all of the header that is passed on, since the rest is the
 * client's own.
 */
export function gatewaysIn(via: string | undefined): readonly string[] {
  if (via === undefined || !via.includes(PREFIX)) return []
  return [...via.matchAll(GATEWAY)].slice(-MOST).map(([name]) => name)
}
