/**
 * Copy `bytes` into a buffer at an offset, where there is room for them. As {@link Uint8Array.set} does, which goes byte
 * by byte where the buffer is shared memory: that is three times as slow, and costs more than all else in the way of a
 * large blob but its hashes.
 */
export function copyInto(buffer: Buffer, bytes: Uint8Array, offset: number): void {
  // A "fill" with a pattern as long as the stretch is one memcpy.
  if (bytes.length > 0) buffer.fill(bytes, offset, offset + bytes.length)
}
