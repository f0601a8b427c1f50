import { Agent } from 'undici'
import { createGatewaySource } from '../../src/content/gateway/source.ts'
import { startTrustlessGateway } from '../fixtures/trustless-gateway.ts'
import { contentSourceContract } from './content-source.ts'

const MODES = {
  'a gateway that gives CARs': {},
  'a gateway that sends repeated blocks once': { dups: 'n' },
  'a gateway that does not say how it treats repeats': { dups: 'unsaid' },
  'a gateway that gives single blocks only': { formats: new Set(['raw']) },
} as const

for (const [name, mode] of Object.entries(MODES)) {
  contentSourceContract(name, async (trees) => {
    const gateway = await startTrustlessGateway(...trees)
    Object.assign(gateway, mode)
    const dispatcher = new Agent()
    return {
      source: createGatewaySource({ name: 'gateway:test', baseUrl: gateway.url, dispatcher }),
      bytesSent: () => gateway.bytesSent(),
      stallAfter: (bytes) => {
        gateway.faults = { stallAfter: bytes }
      },
      heal: () => {
        gateway.faults = undefined
      },
      close: async () => {
        await dispatcher.destroy()
        await gateway.close()
      },
    }
  })
}
