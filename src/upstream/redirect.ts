import { Failure } from '../errors.ts'
import { type Answer, headerOf } from '../content/transport/exchange.ts'
import { hasPrivateAddress } from './address.ts'
import type { Asked } from './asked.ts'
import { type HostAccess, urlOf } from './host-access.ts'
import { OperatorNote } from './operator-note.ts'

const STATUSES = new Set([301, 302, 303, 307, 308])

export function isRedirect(answer: Answer): boolean {
  return STATUSES.has(answer.status)
}

/** Where an answer redirects to; undefined where it does not say, or says nothing that is a URL. */
export function locationOf(answer: Answer, from: URL): URL | undefined {
  const location = headerOf(answer, 'location')
  if (location === '' || !URL.canParse(location, from.href)) return undefined
  const target = new URL(location, from.href)
  // Of no meaning to a request.
  target.hash = target.username = target.password = ''
  return target
}

/** Why this gateway does not go where a registry sends it; undefined when it does. */
export function objectionTo(target: URL, from: URL, allowPrivate: boolean): string | undefined {
  if (target.protocol !== 'http:' && target.protocol !== 'https:') return 'it is no http address'
  if (from.protocol === 'https:' && target.protocol === 'http:') return 'it leads from https to http'
  if (allowPrivate || target.origin === from.origin) return undefined
  return hasPrivateAddress(target) ? 'it leads to a private address' : undefined
}

/** @param what was asked for, and of whom */
export function badRedirect(name: string, what: string, why: string, target: URL | undefined): Failure {
  const message = `${name} redirects ${what} to where this gateway does not follow: ${why}`
  // No more than the origin, since what comes behind it may be a signature.
  const note = new OperatorNote(message, target === undefined ? {} : { to: target.origin })
  return new Failure('CONTENT_UNAVAILABLE', message, { cause: note })
}

/** Where an answer that is a redirect sends clients too; undefined where they should not go, or had to show something. */
export function clientLocation(access: HostAccess, answer: Answer, asked: Asked): string | undefined {
  const from = urlOf(access, asked.path)
  const target = locationOf(answer, from)
  if (target === undefined || target.origin === from.origin) return undefined
  return objectionTo(target, from, access.allowPrivateRedirects) === undefined ? target.href : undefined
}
