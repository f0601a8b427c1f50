import { describe, expect, test } from '@jest/globals'
import { checkPrivatePushes } from '../../../src/wiring/private-pushes.ts'
import { load } from '../../fixtures/loaded-settings.ts'

const EMBEDDED = { IPFS_REGISTRY_PUSH: 'true', IPFS_REGISTRY_SOURCE: 'embedded' }
const KUBO = { IPFS_REGISTRY_PUSH: 'true', IPFS_REGISTRY_SOURCE: 'kubo=http://127.0.0.1:5001' }

const configOf = async (env: Record<string, string>) => (await load({ env })).config

describe('what not everybody may pull', () => {
  test('is not pushed to a Kubo', async () => {
    const config = await configOf(KUBO)
    expect(() => checkPrivatePushes(config, ['team/**'])).toThrow(
      expect.objectContaining({
        code: 'SETTINGS_INVALID',
        message: expect.stringMatching(/pull team\/\*\*, but a Kubo gives.*--push-to embedded/) as unknown,
      }),
    )
    expect(() => checkPrivatePushes(config, [])).not.toThrow()
  })

  test('is pushed to the embedded store', async () => {
    const config = await configOf(EMBEDDED)
    expect(() => checkPrivatePushes(config, ['**'])).not.toThrow()
  })

  test('is no matter where nothing is pushed', async () => {
    const config = await configOf({ ...KUBO, IPFS_REGISTRY_PUSH: 'false' })
    expect(() => checkPrivatePushes(config, ['**'])).not.toThrow()
  })
})
