import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { attempt, type RunResult } from './child.ts'
import { tempFolder } from './temp.ts'
import { Teardown } from './teardown.ts'
import { describeWith } from './tools.ts'

/** A registry under test that takes pushes and deletions. */
export interface PushTarget {
  /** `<address>:<port>` */
  readonly host: string
}

/** Both OCI conformance suites, whole. @param start starts an empty registry */
export function describePushConformance(
  title: string,
  programs: readonly string[],
  start: (teardown: Teardown) => Promise<PushTarget>,
): void {
  describeWith(['oci-conformance', 'oci-conformance-v1.1.1', ...programs], title, () => {
    const teardown = new Teardown()
    let host: string

    beforeAll(async () => {
      ;({ host } = await start(teardown))
    }, 90_000)
    afterAll(() => teardown.run(), 60_000)

    // What is disabled at 1.1 are the two things that it does not have: giving up an upload, and tags as parameters.
    test.each([
      ['1.1', { passed: 860, disabled: 2 }],
      ['dev', { passed: 986, disabled: 0 }],
    ])(
      'the suite of the main branch, at version %s',
      async (version, { passed, disabled }) => {
        const folder = await tempFolder(teardown, 'oci')
        const result = await attempt('oci-conformance', [], {
          cwd: folder,
          env: {
            OCI_REGISTRY: host,
            OCI_TLS: 'disabled',
            OCI_REPO1: `conformance/${version}/one`,
            OCI_REPO2: `conformance/${version}/two`,
            OCI_VERSION: version,
            OCI_RESULTS_DIR: folder,
          },
        })
        expect(failuresIn(result)).toEqual([])
        expect(countsIn(result)).toEqual({ Pass: passed, Skip: 0, Disabled: disabled, FAIL: 0, Error: 0 })
        expect(result.code).toBe(0)
      },
      300_000,
    )

    test('the suite of v1.1.1: pull, push, content discovery and content management', async () => {
      const folder = await tempFolder(teardown, 'oci')
      const result = await attempt('oci-conformance-v1.1.1', [], {
        cwd: folder,
        env: {
          OCI_ROOT_URL: `http://${host}`,
          OCI_NAMESPACE: 'conformance/old/one',
          OCI_CROSSMOUNT_NAMESPACE: 'conformance/old/two',
          OCI_TEST_PULL: '1',
          OCI_TEST_PUSH: '1',
          OCI_TEST_CONTENT_DISCOVERY: '1',
          OCI_TEST_CONTENT_MANAGEMENT: '1',
          OCI_REPORT_DIR: folder,
        },
      })
      // Colours stand between the words.
      const output = result.stdout.replaceAll(/\u001b\[[0-9;]*m/g, '')
      expect([...output.matchAll(/\[FAIL\].*/g)].map(([text]) => text)).toEqual([])
      expect(output).toMatch(/\b74 Passed \| 0 Failed\b/)
      expect(result.code).toBe(0)
    }, 300_000)
  })
}

/** Names of what failed, with the reasons. */
function failuresIn({ stdout }: RunResult): string[] {
  return [...stdout.matchAll(/: FAIL\n\s+- .*/g)].map(([text]) => text)
}

/** The counts that the suite of the main branch prints. */
function countsIn({ stdout }: RunResult): Record<string, number> {
  const rows = [...stdout.matchAll(/^ {2}(Pass|Skip|Disabled|FAIL|Error)\.+: +(\d+)$/gm)]
  return Object.fromEntries(rows.map(([, outcome, count]) => [outcome, Number(count)]))
}
