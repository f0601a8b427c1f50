import { describe, expect, test } from '@jest/globals'
import { checkPrivatePush, checkPrivatePushes } from '../../../src/wiring/private-pushes.ts'
import { load } from '../../fixtures/loaded-settings.ts'

const EMBEDDED = { IPFS_REGISTRY_PUSH: 'true', IPFS_REGISTRY_SOURCE: 'embedded' }
const SILENT = { IPFS_REGISTRY_IPFS_GATEWAY: 'off', IPFS_REGISTRY_PUBLISH_NAMES: 'false' }
const KUBO = { IPFS_REGISTRY_PUSH: 'true', IPFS_REGISTRY_SOURCE: 'kubo=http://127.0.0.1:5001' }

const configOf = async (env: Record<string, string>) => (await load({ env })).config
const access = (isPrivate: boolean) => ({ isPrivate: () => isPrivate }) as never

describe('what not everybody may pull', () => {
  test.each([
    ['a Kubo gives to everybody', KUBO, /a Kubo gives its blocks to everybody/],
    ['a Kubo gives to everybody, whatever else is off', { ...KUBO, ...SILENT }, /a Kubo/],
    ['the store gives at /ipfs', EMBEDDED, /--ipfs-gateway off/],
    ['is named', { ...EMBEDDED, ...SILENT, IPFS_REGISTRY_PUBLISH_NAMES: 'true' }, /--no-publish-names/],
  ])('is not pushed where %s', async (_what, env, message) => {
    const config = await configOf(env)
    expect(() => checkPrivatePushes(config, ['team/**'])).toThrow(
      expect.objectContaining({
        code: 'SETTINGS_INVALID',
        message: expect.stringMatching(message) as unknown,
      }),
    )
    expect(() => checkPrivatePush(config, access(true), 'team/app')).toThrow(
      expect.objectContaining({ code: 'DENIED', message: expect.stringMatching(message) as unknown }),
    )
    expect(() => checkPrivatePushes(config, [])).not.toThrow()
    expect(() => checkPrivatePush(config, access(false), 'team/app')).not.toThrow()
    expect(() => checkPrivatePush(config, undefined, 'team/app')).not.toThrow()
  })

  test('is pushed to a store that shows nothing to anybody else', async () => {
    const config = await configOf({ ...EMBEDDED, ...SILENT })
    expect(() => checkPrivatePushes(config, ['**'])).not.toThrow()
    expect(() => checkPrivatePush(config, access(true), 'team/app')).not.toThrow()
  })

  test('is no matter where nothing is pushed', async () => {
    const config = await configOf({ ...EMBEDDED, IPFS_REGISTRY_PUSH: 'false' })
    expect(() => checkPrivatePushes(config, ['**'])).not.toThrow()
  })
})
