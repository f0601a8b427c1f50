import { expect, test } from '@jest/globals'
import { Folders, numberIn, numberName, stagedPrefix, timeIn } from '../../../../src/roots/kubo/folders.ts'
import { beginOf, belongsTo, newUploadId } from '../../../../src/roots/kubo/upload-id.ts'
import { digestOfBytes } from '../../../fixtures/layouts.ts'

const place = { root: 'home', repository: 'team/app' }

test('an id says when an upload was begun, and belongs to one repository', () => {
  const now = 1_700_000_000_123
  const id = newUploadId(place, now)
  expect(id).toMatch(/^[a-z0-9-]+$/)
  expect(newUploadId(place, now)).not.toBe(id)
  expect(beginOf(id)).toBe(now)
  expect(belongsTo(place, id)).toBe(true)
  expect(belongsTo({ ...place, root: 'other' }, id)).toBe(false)
  expect(belongsTo({ ...place, repository: 'team' }, id)).toBe(false)
  for (const wrong of ['', '..', `../${id}`, `${id}/x`, `${id}x`, id.toUpperCase()]) {
    expect(belongsTo(place, wrong)).toBe(false)
  }
  expect(beginOf('..')).toBeUndefined()
})

test('paths stay below the folder, whatever names there are', () => {
  const folders = new Folders('/base')
  expect(folders.stagedIn(place)).toBe('/base/staged/home/team%2Fapp')
  expect(folders.stagedIn({ root: '..', repository: '../..' })).toBe('/base/staged/%2E%2E/%2E%2E%2F%2E%2E')
  expect(folders.versions('a/../b')).toBe('/base/roots/a%2F%2E%2E%2Fb')
})

test('names of numbers and times are read back', () => {
  expect(numberIn(numberName(42))).toBe(42)
  expect([numberName(9), numberName(10)].toSorted()).toEqual([numberName(9), numberName(10)])
  expect(numberIn('seen-1700000000000')).toBeUndefined()
  expect(timeIn('seen-1700000000000')).toBe(1_700_000_000_000)
  expect(timeIn(`${stagedPrefix(digestOfBytes(Buffer.alloc(1)))}1700000000000`)).toBe(1_700_000_000_000)
  expect(timeIn(numberName(1))).toBeUndefined()
})
