import { StringDecoder } from 'node:string_decoder'
import { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import type { DirectoryEntry } from '../source.ts'
import type { AnswerBody } from '../transport/answer-body.ts'

/** Characters of one line: one entry, whose name has 255 bytes or so. */
const MAX_LINE = 64 * 1024

/** One line of `ls` with `stream=true`. */
interface Line {
  readonly Objects?: readonly {
    readonly Links?: readonly { readonly Name?: string; readonly Hash?: string }[]
  }[]
}

/**
 * The entries in an answer of `ls`, one by one as they come.
 *
 * @param name of the source, for messages
 */
export async function* listedEntries(
  body: AnswerBody,
  name: string,
): AsyncGenerator<DirectoryEntry, void, undefined> {
  for await (const line of lines(body, name)) {
    for (const object of parsed(line, name).Objects ?? []) {
      for (const { Name = '', Hash = '' } of object.Links ?? []) yield { name: Name, cid: CID.parse(Hash) }
    }
  }
  const reason = body.trailers['x-stream-error']
  if (reason !== undefined) {
    throw new Failure('CONTENT_UNAVAILABLE', `${name} broke off in the middle of a list (${String(reason)})`)
  }
}

function parsed(line: string, name: string): Line {
  try {
    return JSON.parse(line) as Line
  } catch {
    throw new Failure('CONTENT_UNAVAILABLE', `${name} broke off in the middle of a list`)
  }
}

async function* lines(body: AnswerBody, name: string): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) {
    const found = (rest + decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))).split(
      '\n',
    )
    rest = found.pop() ?? ''
    if (rest.length > MAX_LINE) throw new Failure('CONTENT_UNAVAILABLE', `${name} gives a list that is none`)
    yield* found.filter((line) => line !== '')
  }
  if (rest !== '') yield rest
}
