import { describe, expect, test } from '@jest/globals'
import {
  formatReadOnlyRoot,
  parseReadOnlyRoot,
  parseReadOnlyRootObject,
} from '../../../src/config/read-only-root.ts'
import { fromFile, load, mistakesOf } from '../../fixtures/loaded-settings.ts'

const KEY = 'k51qzi5uqu5dhk2m71invg2y6nbzuvnctcurupqab9bfpyo3650yauc9z5zxiw'
const CID = 'bafybeidixxsiukzjhvans2xkbh3mfzq4vhmou6mzkky5mzamkp6gsxwgve'

describe('a read-only root', () => {
  test.each([
    [KEY, `/ipns/${KEY}`],
    [`/ipns/${KEY}`, `/ipns/${KEY}`],
    [`ipns/${KEY}/team/`, `/ipns/${KEY}/team`],
    ['images.example.org', '/ipns/images.example.org'],
    ['/ipns/images.example.org/registry', '/ipns/images.example.org/registry'],
    [CID, `/ipfs/${CID}`],
    [`/ipfs/${CID}/registry`, `/ipfs/${CID}/registry`],
  ])('%s is %s', (text, root) => {
    expect(parseReadOnlyRoot(text)).toEqual({ root, follow: false, only: [] })
  })

  test('is followed, whole or in part', () => {
    const text = `/ipns/${KEY};follow=true;only=team/**;only=base/alpine`
    const setting = { root: `/ipns/${KEY}`, follow: true, only: ['team/**', 'base/alpine'] }
    expect(parseReadOnlyRoot(text)).toEqual(setting)
    expect(formatReadOnlyRoot(setting)).toBe(text)
    expect(parseReadOnlyRootObject({ root: KEY, follow: true, only: setting.only })).toEqual(setting)
    expect(parseReadOnlyRootObject({ root: KEY, follow: 'true', only: 'team/**' }).only).toEqual(['team/**'])
  })

  test.each([
    ['team/app', 'must be /ipns/<key or domain>'],
    ['', 'malformed "root"'],
    [`/ipns/${CID}`, 'not an IPNS key'],
    [`${KEY};folow=true`, 'did you mean "follow"'],
    [`${KEY};follow`, 'without a value'],
    [`${KEY};follow=perhaps`, 'neither true nor false'],
    [`${KEY};only=team/**`, 'without follow=true'],
    [`${KEY};follow=true;only=Team`, 'lower case'],
    [`${KEY};follow=true;only=`, 'malformed "only"'],
    [`/ipns/${KEY}/..`, "can't be followed"],
  ])('%j is wrong: %s', (text, problem) => {
    expect(() => parseReadOnlyRoot(text)).toThrow(problem)
  })

  test('may be given several times, in flags and in a file', async () => {
    const { config, inForce } = await load({ flags: { 'read-only-root': [KEY, `${CID};follow=true`] } })
    expect(config.readOnlyRoot.map(({ root }) => root)).toEqual([`/ipns/${KEY}`, `/ipfs/${CID}`])
    expect(inForce.find(({ name }) => name === 'read-only-root')?.texts).toEqual([
      `/ipns/${KEY}`,
      `/ipfs/${CID};follow=true`,
    ])
    const file = await fromFile(
      `read-only-root:\n  - images.example.org\n  - root: ${KEY}\n    follow: true\n`,
    )
    expect(file.config.readOnlyRoot.map(({ follow }) => follow)).toEqual([false, true])
    const twice = load({ flags: { 'read-only-root': [KEY, `/ipns/${KEY};follow=true`] } })
    expect(await mistakesOf(twice)).toContain('more than once')
    expect(await mistakesOf(fromFile('read-only-root: nowhere'))).toContain('must be /ipns/')
  })
})
