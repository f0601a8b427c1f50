import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { attempt } from './child.ts'
import type { Gateway } from './gateway-process.ts'
import { descriptorOf, makeImage, makeIndex, manifestOf } from './images.ts'
import { tempFolder } from './temp.ts'
import { Teardown } from './teardown.ts'
import { describeWith } from './tools.ts'

/** A gateway under test, and the name of a repository that has the layout. */
export interface Offered {
  readonly gateway: Gateway
  readonly repository: string
}

/** Both OCI conformance suites, as far as they read. @param offer gets a layout with the tags amd64, arm64 and many */
export function describeConformance(
  title: string,
  programs: readonly string[],
  offer: (teardown: Teardown, layout: string) => Promise<Offered>,
): void {
  const needed = ['oci-conformance', 'oci-conformance-v1.1.1', 'umoci', 'regctl', ...programs]
  describeWith(needed, title, () => {
    const teardown = new Teardown()
    let gateway: Gateway
    let repository: string
    /** Digests of what the suites ask for. */
    let digests: { tags: string[]; manifests: string[]; blobs: string[] }

    beforeAll(async () => {
      const layout = join(await tempFolder(teardown), 'app')
      await makeImage(layout, 'amd64', { layers: [5000, 100_000], seed: 'conformance/amd64' })
      await makeImage(layout, 'arm64', { layers: [5000], seed: 'conformance/arm64', architecture: 'arm64' })
      await makeIndex(layout, 'many', { amd64: 'amd64', arm64: 'arm64' })
      const tags = ['amd64', 'arm64', 'many']
      const manifests = await Promise.all(tags.map(async (tag) => (await descriptorOf(layout, tag)).digest))
      const image = await manifestOf(layout, manifests[0] as string)
      const blobs = [image.config?.digest ?? '', ...(image.layers ?? []).map((layer) => layer.digest)]
      digests = { tags, manifests, blobs }
      ;({ gateway, repository } = await offer(teardown, layout))
    }, 90_000)
    afterAll(() => teardown.run(), 60_000)

    /** The counts that the suite of the main branch prints. */
    function counts(output: string): Record<string, number> {
      const rows = [...output.matchAll(/^ {2}(Pass|FAIL|Error)\.+: +(\d+)$/gm)]
      return Object.fromEntries(rows.map(([, outcome, count]) => [outcome, Number(count)]))
    }

    /** Tells the suite what there is to read. Other groups run without it: their result would stay unknown. */
    function readable(): Record<string, string> {
      return {
        OCI_RO_DATA_TAGS: digests.tags.join(' '),
        OCI_RO_DATA_MANIFESTS: digests.manifests.join(' '),
        OCI_RO_DATA_BLOBS: digests.blobs.join(' '),
        OCI_RO_DATA_REFERRERS: digests.manifests[0] as string,
      }
    }

    // With push switched off, the suite at this commit ends in a panic unless it is told one group of tests.
    test.each([
      // The tag list, HEAD and GET of 3 tags, 3 manifests and 3 blobs, and the referrers.
      ['read-only', 20],
      ['ping', 1],
      ['empty', 2],
      ['missing-manifest', 2],
      ['invalid-digest-format', 1],
    ])(
      'the suite of the main branch: %s',
      async (group, passing) => {
        const folder = await tempFolder(teardown, 'oci')
        const result = await attempt('oci-conformance', [], {
          cwd: folder,
          env: {
            OCI_REGISTRY: gateway.host,
            OCI_TLS: 'disabled',
            OCI_REPO1: repository,
            OCI_REPO2: repository,
            OCI_VERSION: '1.1',
            OCI_RESULTS_DIR: folder,
            OCI_API_PUSH: 'false',
            OCI_API_BLOBS_DELETE: 'false',
            OCI_API_MANIFESTS_DELETE: 'false',
            OCI_API_TAGS_DELETE: 'false',
            ...(group === 'read-only' ? readable() : {}),
            OCI_FILTER_TEST: `OCI Conformance Test/${group}`,
          },
        })
        const failures = [...result.stdout.matchAll(/: FAIL\n\s+- .*/g)].map(([text]) => text)
        expect(failures).toEqual([])
        expect(counts(result.stdout)).toEqual({ Pass: passing, FAIL: 0, Error: 0 })
        expect(result.code).toBe(0)
      },
      60_000,
    )

    test('the suite of v1.1.1: pull', async () => {
      const folder = await tempFolder(teardown, 'oci')
      const result = await attempt('oci-conformance-v1.1.1', [], {
        cwd: folder,
        env: {
          OCI_ROOT_URL: gateway.url,
          OCI_NAMESPACE: repository,
          OCI_TEST_PULL: '1',
          OCI_TAG_NAME: 'amd64',
          OCI_MANIFEST_DIGEST: digests.manifests[0] as string,
          OCI_BLOB_DIGEST: digests.blobs[0] as string,
          OCI_REPORT_DIR: folder,
        },
      })
      // Colours stand between the words.
      expect(result.stdout.replaceAll(/\u001b\[[0-9;]*m/g, '')).toMatch(/\b14 Passed \| 0 Failed\b/)
      expect(result.code).toBe(0)
    }, 60_000)
  })
}
