/** Names of codecs that people meet in CIDs (multiformats/multicodec, table.csv). */
const NAMES = new Map<number, string>([
  [0x51, 'cbor'],
  [0x55, 'raw'],
  [0x70, 'dag-pb'],
  [0x71, 'dag-cbor'],
  [0x72, 'libp2p-key'],
  [0x78, 'git-raw'],
  [0x85, 'dag-jose'],
  [0x0129, 'dag-json'],
  [0x0200, 'json'],
  [0x0202, 'car'],
])

/** `dag-cbor`, or the number of a codec that is not known by name. */
export function codecName(code: number): string {
  return NAMES.get(code) ?? `0x${code.toString(16)}`
}
