import type { IncomingMessage } from 'node:http'
import { Failure } from '../errors.ts'

/**
 * Digests are of the bytes as they are, so what is encoded for its way would have to be decoded, and is refused instead
 * (RFC 9110, 8.4; for codings besides `chunked`: RFC 9112, 6.1).
 *
 * @throws Failure ENCODING_UNSUPPORTED
 */
export function checkEncoding({ headers }: IncomingMessage): void {
  const content = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (content !== 'identity' && content !== '') throw refused('Content-Encoding', content)
  const transfer = headers['transfer-encoding']?.trim().toLowerCase() ?? 'chunked'
  if (transfer !== 'chunked') throw refused('Transfer-Encoding', transfer)
}

function refused(header: string, coding: string): Failure {
  return new Failure(
    'ENCODING_UNSUPPORTED',
    `${header} "${coding.slice(0, 100)}" is not decoded here; send the bytes as they are`,
  )
}

/** `Content-Type` without its parameters; '' where there is none. */
export function mediaTypeOf({ headers }: IncomingMessage): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? ''
}
