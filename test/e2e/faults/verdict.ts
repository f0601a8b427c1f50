import type { Case } from './cross.ts'
import { faultOf, isOfNames, isProved } from './cross.ts'
import type { Reply } from './question.ts'

/** ms until a request is answered, which the gateways of the cross are told. */
export const ANSWER_TIMEOUT = 15_000
/** ms more that a busy machine may take. */
const GRACE = 10_000

/** When it is asked for. */
export type Phase =
  /** While the source has the fault. */
  | 'spoilt'
  /** Once more, while it still has it. */
  | 'next'
  /** When it is well again. */
  | 'healed'
  /** After a restart, when no source can be had. */
  | 'gone'
  /** After a restart, when all sources are well. */
  | 'back'

/** What is wrong with a reply; undefined where nothing is. */
export function flawOf(one: Case, phase: Phase, { worth, got }: Reply): string | undefined {
  const said = `${got.status} ${got.text.slice(0, 300)}`
  if (worth === 'silence') return 'no answer at all'
  if (got.headAfter > ANSWER_TIMEOUT + GRACE) return `an answer after ${Math.round(got.headAfter)} ms`
  if (worth === 'right') return undefined
  const isSpoilt = phase === 'spoilt' || phase === 'next'
  if (worth === 'wrong') return isSpoilt && mayBelieve(one) ? undefined : `WRONG ANSWER: ${said}`
  if (phase === 'spoilt' && succeedsAtOnce(one)) return `${worth} in spite of a good source: ${said}`
  if (phase === 'next' && !mayBelieve(one)) return `${worth} again in spite of a good source: ${said}`
  if (phase === 'healed' || phase === 'back') return `${worth} though all sources are well: ${said}`
  return worth === 'refused' ? flawOfRefusal(one, phase, { worth, got }) : undefined
}

function flawOfRefusal(one: Case, phase: Phase, { got }: Reply): string | undefined {
  const { status, headers, text } = got
  const allowed = phase === 'gone' ? [503, 504] : statusesOf(one)
  if (!allowed.includes(status))
    return `status ${status}, not one of ${allowed.join(', ')}: ${text.slice(0, 300)}`
  if (!/^\{"errors":\[\{"code":"[A-Z_]+","message":"/.test(text)) return `no error of the protocol: ${text}`
  if (status >= 503 && headers['retry-after'] === undefined) return `${status} without Retry-After`
  return undefined
}

/** Statuses that say what has happened. */
function statusesOf(one: Case): number[] {
  const { refuses = false } = faultOf(one)
  const failed = [502, 503, 504]
  if (mayBelieve(one)) failed.push(404, 416)
  // What an upstream says of its own is passed on.
  if (one.kind === 'upstream' && refuses) failed.push(Number(/^status-(\d+)/.exec(one.fault)?.[1]))
  return failed
}

/** Whether there is no proof of what the source says, so that wrong facts are taken for right ones. */
export function mayBelieve(one: Case): boolean {
  const { harm, refuses = false } = faultOf(one)
  if (one.kind === 'ipns') return one.fault === 'record-older' && one.state === 'cold'
  if (one.kind === 'dns') return harm === 'lies'
  const told = one.asked === 'tags' || one.asked === 'referrers' || one.asked === 'tag'
  // An upstream is asked each time for what may change there.
  const isKept = one.state === 'warm' && !(one.kind === 'upstream' && told)
  if (isProved(one.kind) || isKept) return false
  if (one.fault === 'status-404' && one.kind !== 'kubo') return isFinalAbsence(one)
  if (refuses || harm !== 'lies') return false
  return told || one.asked === 'range' || one.asked === 'ranges'
}

/** "Not there" of an upstream is for the registry itself to say, but no list of referrers is an empty one. */
function isFinalAbsence({ kind, asked, sources }: Case): boolean {
  return kind === 'trusted-gateway' || sources === 'one' || asked === 'referrers'
}

/** Whether a right answer has to come while the source has its fault. */
function succeedsAtOnce(one: Case): boolean {
  const { harm, refuses = false, resizes = false } = faultOf(one)
  if (harm === 'none') return true
  if (mayBelieve(one)) return false
  // An upstream that says so, is asked each time, and no list is taken for newer than what it says.
  if (one.state === 'warm') return !(one.kind === 'upstream' && refuses)
  if (one.sources === 'one') return false
  if (isProved(one.kind) || isOfNames(one.kind) || harm === 'fails') return true
  // Wrong bytes show when all of them are there, but a wrong length before, where the manifest has told the right one.
  return resizes && one.state === 'half' && (one.asked === 'config' || one.asked === 'layer')
}

/** Whether what was believed is remembered for a while, so that it can't be right before. */
export function isRemembered(one: Case): boolean {
  const asked = one.asked === 'tag' || one.asked === 'tags' || one.asked === 'referrers'
  return mayBelieve(one) && asked && (one.kind === 'kubo' || one.kind === 'trusted-gateway')
}
