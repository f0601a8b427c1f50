import { Failure } from '../errors.ts'

/** A file in a tar archive that is to be written. */
export interface TarFile {
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Pieces are valid until the next is asked for. */
  open(signal: AbortSignal): AsyncIterable<Uint8Array>
}

const BLOCK = 512
/** Bytes; beyond them the field of the header is too short. */
const LARGEST = 0o77777777777
const LONGEST_PATH = 100
const END = Buffer.alloc(2 * BLOCK)

/** A file that is made here. */
export function tarFileOf(path: string, content: string | Uint8Array): TarFile {
  const bytes = Buffer.from(content)
  return {
    path,
    size: bytes.length,
    open: async function* () {
      yield bytes
    },
  }
}

/** Bytes of the archive that {@link tarOf} makes. */
export function tarSize(files: readonly TarFile[]): number {
  return files.reduce(
    (sum, file) => sum + headerOf(file).length + Math.ceil(file.size / BLOCK) * BLOCK,
    END.length,
  )
}

/**
 * A tar archive (POSIX.1-2017, pax, "ustar Interchange Format") that is the same whenever and by whomever it is made.
 *
 * Written here rather than by tar-stream's `pack`, which keeps pieces that wait for the reader: these are valid only
 * until the next is asked for. The header of a file goes out before its content is opened, so that an archive that ends
 * because a file can't be had ends within that file, which every reader takes for what it is.
 *
 * @throws Failure CONTENT_INVALID for a file of another size than was said; what opening and reading throw
 */
export async function* tarOf(files: readonly TarFile[], signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    if (file.size > 0) yield headerOf(file)
    let size = 0
    for await (const piece of file.open(signal)) {
      size += piece.length
      if (size > file.size) break
      yield piece
    }
    if (size !== file.size) {
      throw new Failure('CONTENT_INVALID', `${file.path} has not the ${file.size} bytes it should have`)
    }
    if (size === 0) yield headerOf(file)
    const rest = size % BLOCK
    if (rest > 0) yield END.subarray(0, BLOCK - rest)
  }
  yield END
}

/** With a pax header before it where the fields are too short, as for the path of a sha512 digest. */
function headerOf({ path, size }: TarFile): Buffer {
  const records: [string, string][] = []
  if (path.length > LONGEST_PATH) records.push(['path', path])
  if (size > LARGEST) records.push(['size', String(size)])
  const header = block(path.slice(-LONGEST_PATH), size > LARGEST ? 0 : size, '0')
  if (records.length === 0) return header
  const text = Buffer.from(records.map(([key, value]) => paxRecord(key, value)).join(''))
  const padding = Buffer.alloc((BLOCK - (text.length % BLOCK)) % BLOCK)
  return Buffer.concat([block('PaxHeader', text.length, 'x'), text, padding, header])
}

/** `<length> <key>=<value>\n`, the length counting itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = rest.length
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return `${length}${rest}`
}

function block(name: string, size: number, type: '0' | 'x'): Buffer {
  const header = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, digits: number): void =>
    void header.write(value.toString(8).padStart(digits, '0'), at, 'latin1')
  header.write(name, 0, 'latin1')
  octal(0o644, 100, 7)
  octal(0, 108, 7)
  octal(0, 116, 7)
  octal(size, 124, 11)
  octal(0, 136, 11)
  header.fill(' ', 148, 156)
  header.write(type, 156, 'latin1')
  header.write('ustar\0' + '00', 257, 'latin1')
  octal(0, 329, 7)
  octal(0, 337, 7)
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  )
  header[154] = 0
  return header
}
