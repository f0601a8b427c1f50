import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { realpathSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { attempt } from './harness/child.ts'
import type { RunResult } from './harness/child.ts'
import { Gateway } from './harness/gateway-process.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith, toolPath } from './harness/tools.ts'

const SUITE = 'gateway-conformance'

const SPECS = ['trustless-block-gateway', 'trustless-car-gateway', 'trustless-ipns-gateway']
const OPTIONAL = 'trustless-car-gateway-optional'

/** What of the suite's fixtures the specifications need. */
const FIXTURES = /^(gateway-raw-block|trustless_gateway_car\/.+|ipns_records\/.+)\.(car|ipns-record)$/
/** A file that lacks a block, on purpose. */
const INCOMPLETE = 'trustless_gateway_car/file-3k-and-3-blocks-missing-block.car'
/** Records that nobody may take: the signature is wrong, there are two values, or there is a signature V1 alone. */
const BROKEN = [
  'ipns_records/k51qzi5uqu5diamp7qnnvs1p1gzmku3eijkeijs3418j23j077zrkok63xdm8c_v1-v2-broken-signature-v2.ipns-record',
  'ipns_records/k51qzi5uqu5dlmit2tuwdvnx4sbnyqgmvbxftl0eo3f33wwtb9gr7yozae9kpw_v1-v2-broken-v1-value.ipns-record',
  'ipns_records/k51qzi5uqu5dm4tm0wt8srkg9h9suud4wuiwjimndrkydqm81cqtlb5ak6p7ku_v1.ipns-record',
]

/** `--- PASS` lines of each of the suite's tests, itself and all parts of it, when it runs against Kubo 0.41. */
const PASSES = {
  TestTrustlessRaw: 24,
  TestTrustlessRawRanges: 12,
  TestTrustlessCarPathing: 57,
  TestTrustlessCarDagScopeBlock: 49,
  TestTrustlessCarDagScopeEntity: 81,
  TestTrustlessCarDagScopeAll: 33,
  TestTrustlessCarEntityBytes: 177,
  TestTrustlessCarFormatPrecedence: 7,
  TestGatewayIPNSRecord: 23,
  // Of the optional specification.
  TestTrustlessCarOrderAndDuplicates: 37,
}
/** The same of a whole run for {@link SPECS}, with two lines of tests that ask nothing of the gateway. */
const KUBO_PASSES = 465

describeWith([SUITE], 'IPFS gateway conformance', () => {
  const teardown = new Teardown()
  let gateway: Gateway
  /** Has the suite's `fixtures/`. */
  let home: string
  /** Fixtures that were not imported. */
  const refused: string[] = []

  beforeAll(async () => {
    home = dirname(realpathSync(toolPath(SUITE) ?? ''))
    gateway = await Gateway.start(teardown, { sources: ['embedded'] })
    const files = await readdir(join(home, 'fixtures'), { recursive: true })
    for (const fixture of files.filter((file) => FIXTURES.test(file)).sort()) {
      const args = ['import', join(home, 'fixtures', fixture), '--store', gateway.store]
      const { code } = await gateway.attempt([
        ...args,
        ...(fixture === INCOMPLETE ? ['--allow-incomplete'] : []),
      ])
      if (code !== 0) refused.push(fixture)
    }
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  /** Run the suite, or one of its tests, for some specifications. */
  async function suite(specs: readonly string[], only = '.'): Promise<RunResult> {
    return attempt(SUITE, ['-test.v', `-test.run=${only}`, `-specs=${specs.join(',')}`], {
      env: { GATEWAY_URL: gateway.url, GATEWAY_CONFORMANCE_HOME: home },
    })
  }

  const lines = ({ stdout }: RunResult, outcome: 'PASS' | 'FAIL' | 'SKIP'): string[] =>
    stdout.split('\n').filter((line) => line.trim().startsWith(`--- ${outcome}: `))

  test('its fixtures can be imported, but for the broken ones', () => {
    expect(refused).toEqual(BROKEN)
  })

  test.each(Object.entries(PASSES))(
    '%s',
    async (name, passes) => {
      const result = await suite([...SPECS, OPTIONAL], `^${name}$`)
      expect(lines(result, 'FAIL')).toEqual([])
      expect(lines(result, 'SKIP')).toEqual([])
      expect(lines(result, 'PASS')).toHaveLength(passes)
      expect(result.code).toBe(0)
    },
    60_000,
  )

  test('as many passes as Kubo has', async () => {
    const result = await suite(SPECS)
    expect(lines(result, 'FAIL')).toEqual([])
    expect(lines(result, 'PASS')).toHaveLength(KUBO_PASSES)
    expect(result.code).toBe(0)
  }, 60_000)
})
