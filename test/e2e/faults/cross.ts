import { createHash } from 'node:crypto'
import { DNS_FAULTS } from './dns-faults.ts'
import { HTTP_FAULTS } from './http-faults.ts'
import { RECORD_FAULTS } from './record-faults.ts'

/** What is between the gateway and its fault: a kind of source, or what resolves names. */
export const KINDS = [
  'gateway',
  'gateway-of-ours',
  'kubo',
  'trusted-gateway',
  'upstream',
  'ipns',
  'dns',
] as const
const ASKED = ['manifest', 'tag', 'config', 'layer', 'range', 'ranges', 'tags', 'referrers'] as const
const STATES = ['cold', 'half', 'warm'] as const
const SOURCES = ['one', 'two'] as const
const CLIENTS = [1, 50] as const

export type Kind = (typeof KINDS)[number]
export type Asked = (typeof ASKED)[number]

export interface Case {
  readonly kind: Kind
  readonly fault: string
  readonly asked: Asked
  readonly state: (typeof STATES)[number]
  /** `two`: another source of the same kind is well. */
  readonly sources: (typeof SOURCES)[number]
  readonly clients: (typeof CLIENTS)[number]
}

/** What an answer with the fault does to whoever takes it. */
export type Harm =
  /** Other bytes, or other facts, with nothing in the answer itself that shows it. */
  | 'lies'
  /** No whole answer, and it shows. */
  | 'fails'
  /** Slow, but right and whole. */
  | 'none'

/** One fault of a table. */
export interface FaultRow {
  readonly harm: Harm
  /** Whether it says that what was asked for is not there, or not for us, to whom that is believed. */
  readonly refuses?: boolean
  /** Whether the answer has another length than it should, so that it shows to whom the right one is known. */
  readonly resizes?: boolean
  /** Whether one answer of that kind concerns everything that is asked of the same place. */
  readonly wide?: boolean
  /** Whether a gateway that says so is not asked for CARs for a while, so that later cases no longer meet the fault. */
  readonly lasting?: boolean
  /** Only for answers that are CARs. */
  readonly car?: boolean
  /** Only where the bytes come in blocks. */
  readonly blocks?: boolean
}

/** The answers of whom can be proved block by block. */
export function isProved(kind: Kind): boolean {
  return kind === 'gateway' || kind === 'gateway-of-ours' || kind === 'ipns'
}

export function isOfNames(kind: Kind): boolean {
  return kind === 'ipns' || kind === 'dns'
}

export function faultOf(one: Pick<Case, 'kind' | 'fault'>): FaultRow {
  const row = tableOf(one.kind)[one.fault]
  if (row === undefined) throw new Error(`no fault ${one.fault} for ${one.kind}`)
  return row
}

function tableOf(kind: Kind): Readonly<Record<string, FaultRow>> {
  if (kind === 'dns') return DNS_FAULTS
  return kind === 'ipns' ? RECORD_ANSWER_FAULTS : HTTP_FAULTS
}

const RECORD_ANSWER_FAULTS = { ...HTTP_FAULTS, ...RECORD_FAULTS }

const BYTES: readonly Asked[] = ['layer', 'range', 'ranges']

/** Combinations that can't be, or are another one. */
const RULES: readonly (readonly [string, (one: Case) => boolean])[] = [
  ['only a CAR has blocks with their CIDs', (one) => faultOf(one).car === true && !ofCar(one)],
  ['only layers come in several blocks', (one) => faultOf(one).blocks === true && !ofBlocks(one)],
  ['once a name is resolved, what is asked for is no matter of the name', (one) => ofContent(one)],
  ['a name is known or not', (one) => isOfNames(one.kind) && one.state === 'half'],
  ['a list is known or not', (one) => one.asked === 'tags' && one.state === 'half'],
  ['of an upstream, nothing else tells of tags and referrers', (one) => ofUpstreamLists(one)],
]

function ofCar({ kind }: Case): boolean {
  return kind === 'gateway' || kind === 'gateway-of-ours'
}

function ofBlocks({ kind, asked }: Case): boolean {
  return BYTES.includes(asked) && kind !== 'upstream' && !isOfNames(kind)
}

function ofContent({ kind, asked }: Case): boolean {
  return isOfNames(kind) && !['manifest', 'tag', 'layer'].includes(asked)
}

function ofUpstreamLists({ kind, asked, state }: Case): boolean {
  return kind === 'upstream' && state === 'half' && (asked === 'tag' || asked === 'referrers')
}

export function idOf({ kind, fault, asked, state, sources, clients }: Case): string {
  return [kind, fault, asked, state, sources, clients].join('/')
}

export interface Cross {
  readonly cases: readonly Case[]
  /** Why combinations are none of the cases → how many. */
  readonly excluded: ReadonlyMap<string, number>
}

/** All cases of these kinds. */
export function crossOf(kinds: readonly Kind[]): Cross {
  const cases: Case[] = []
  const excluded = new Map<string, number>()
  for (const one of combinations(kinds)) {
    const [why] = RULES.find(([, holds]) => holds(one)) ?? []
    if (why === undefined) cases.push(one)
    else excluded.set(why, (excluded.get(why) ?? 0) + 1)
  }
  return { cases, excluded }
}

function* combinations(kinds: readonly Kind[]): Generator<Case> {
  for (const kind of kinds)
    for (const fault of Object.keys(tableOf(kind)))
      for (const asked of ASKED)
        for (const state of STATES)
          for (const sources of SOURCES)
            for (const clients of CLIENTS) yield { kind, fault, asked, state, sources, clients }
}

/**
 * A part of the cases, chosen by the seed: of each fault of each kind, with one source and with two, as large a share as
 * of all, and one at least.
 *
 * @param share of 1
 */
export function sampleOf(cases: readonly Case[], share: number, seed: string): Case[] {
  const strata = new Map<string, Case[]>()
  for (const one of cases) {
    const stratum = `${one.kind}/${one.fault}/${one.sources}`
    const others = strata.get(stratum)
    if (others === undefined) strata.set(stratum, [one])
    else others.push(one)
  }
  const order = (one: Case): string =>
    createHash('sha256')
      .update(`${seed}/${idOf(one)}`)
      .digest('hex')
  return [...strata.values()].flatMap((stratum) =>
    stratum
      .map((one) => [order(one), one] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, Math.max(1, Math.round(stratum.length * share)))
      .map(([, one]) => one),
  )
}
