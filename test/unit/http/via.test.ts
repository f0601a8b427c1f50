import { expect, test } from '@jest/globals'
import { gatewaysIn, newGatewayName } from '../../../src/http/via.ts'

test('gateways are found among others, oldest first', () => {
  const [first, second] = [newGatewayName(), newGatewayName()]
  expect(gatewaysIn(`1.1 ${first}, 1.1 nginx, 2 ${second} (a comment)`)).toEqual([first, second])
  expect(gatewaysIn(undefined)).toEqual([])
  expect(gatewaysIn('1.1 ipfs-registry-of-mine')).toEqual([])
})

test('those that a client makes up do not hide the last one', () => {
  const names = Array.from({ length: 40 }, newGatewayName)
  const found = gatewaysIn(names.map((name) => `1.1 ${name}`).join(', '))
  expect(found.length).toBeLessThan(40)
  expect(found.at(-1)).toBe(names.at(-1))
})
