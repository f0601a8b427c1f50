import { Agent } from 'undici'
import { createTrustedGatewaySource } from '../../src/content/trusted-gateway/source.ts'
import { startTrustlessGateway } from '../fixtures/trustless-gateway.ts'
import { contentSourceContract } from './content-source.ts'

contentSourceContract('a trusted gateway', async (trees) => {
  const gateway = await startTrustlessGateway(...trees)
  const dispatcher = new Agent()
  return {
    source: createTrustedGatewaySource({ name: 'trusted-gateway:test', baseUrl: gateway.url, dispatcher }),
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
