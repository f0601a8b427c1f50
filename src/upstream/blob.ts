import { closableBody } from '../content/closable-body.ts'
import type { ByteRange, OpenedFile } from '../content/source.ts'
import { countedBody } from '../content/transport/counted-body.ts'
import { headerOf } from '../content/transport/exchange.ts'
import { countOf, sizeOf } from '../content/transport/ranged-answer.ts'
import { Failure } from '../errors.ts'
import type { Asked } from './asked.ts'
import { isPage, noAnswer, type RegistryAnswer } from './refusal.ts'

/**
 * The blob in an answer with status 200, 206 or 416, from whoever gave it.
 *
 * @param range what was asked for
 * @throws Failure CONTENT_INVALID for what is no blob, or another part of it; CONTENT_UNAVAILABLE for one of unknown size
 */
export function openedBlob(
  name: string,
  answer: RegistryAnswer,
  asked: Asked,
  range: ByteRange | undefined,
): OpenedFile {
  try {
    const size = blobSizeIn(name, answer, asked)
    const count = countOf(answer, range, size, { name, what: asked.text })
    return {
      size,
      cid: undefined,
      proof: 'none',
      source: name,
      body: closableBody(countedBody(answer.body, count), () => answer.body.discard()),
      discredit: () => undefined,
    }
  } catch (error) {
    answer.body.discard()
    throw error
  }
}

/** Bytes of the whole blob, as the head of an answer says. @throws as {@link openedBlob} */
export function blobSizeIn(name: string, answer: RegistryAnswer, asked: Asked): number {
  if (isPage(answer)) throw noAnswer(name, asked.text, 'it is a web page')
  const size = sizeOf(answer)
  if (size !== undefined) return size
  const head = headerOf(answer, 'content-range') === '' ? 'Content-Length' : 'size in Content-Range'
  throw new Failure('CONTENT_UNAVAILABLE', `${name} does not say how long ${asked.text} is: no ${head}`)
}
