/** An entry of a tar archive, whose header may say anything. */
export interface TarItem {
  readonly name: string
  readonly content: Uint8Array
  /** Character for the kind of entry: `0` a file, `2` a symbolic link, `5` a folder, `x` names in PAX. */
  readonly type?: string
  readonly link?: string
  /** In place of the bytes that the content has, as it stands in the header. */
  readonly size?: string
  /** In place of `ustar`. */
  readonly magic?: string
}

const BLOCK = 512

/** A tar archive of these entries (POSIX.1-1988, ustar), with right checksums whatever it says. */
export function tarBytes(items: readonly TarItem[], end = true): Uint8Array {
  const parts = items.flatMap((item) => [headerOf(item), padded(item.content)])
  return Uint8Array.from(Buffer.concat([...parts, Buffer.alloc(end ? 2 * BLOCK : 0)]))
}

/** Put the right checksum into each block that has been a header before it was changed. */
export function withChecksums(archive: Uint8Array, headers: readonly number[]): Uint8Array {
  const copy = Buffer.from(archive)
  for (const at of headers) {
    if (at + BLOCK <= copy.length) seal(copy.subarray(at, at + BLOCK))
  }
  return Uint8Array.from(copy)
}

/** Where the headers of {@link tarBytes} begin. */
export function headersOf(items: readonly TarItem[]): number[] {
  let at = 0
  return items.map(({ content }) => {
    const here = at
    at += BLOCK + Math.ceil(content.length / BLOCK) * BLOCK
    return here
  })
}

/** The record of a PAX header: `<length> <key>=<value>\n`. */
export function paxRecord(key: string, value: string): Uint8Array {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  if (rest + String(length).length !== length) length = rest + String(length).length
  return Buffer.from(`${length} ${key}=${value}\n`)
}

function headerOf({ name, content, type = '0', link = '', size, magic = 'ustar' }: TarItem): Buffer {
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0, 100, 'utf8')
  header.write('0000644\0', 100, 'latin1')
  header.write('0000000\0', 108, 'latin1')
  header.write('0000000\0', 116, 'latin1')
  header.write(size ?? `${content.length.toString(8).padStart(11, '0')} `, 124, 12, 'latin1')
  header.write('00000000000 ', 136, 'latin1')
  header.write(type, 156, 1, 'latin1')
  header.write(link, 157, 100, 'utf8')
  header.write(`${magic}\0`, 257, 6, 'latin1')
  header.write('00', 263, 'latin1')
  return seal(header)
}

function seal(header: Buffer): Buffer {
  header.fill(' ', 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

function padded(content: Uint8Array): Uint8Array {
  const rest = content.length % BLOCK
  return rest === 0 ? content : Buffer.concat([content, Buffer.alloc(BLOCK - rest)])
}
