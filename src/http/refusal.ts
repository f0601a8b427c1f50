import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { Failure } from '../errors.ts'
import { failureBody } from './failure.ts'

/** ms that a client has to read why it was refused. */
const PARTING = 2_000

/**
 * Answer what Node's parser refuses before there is a request, in a form that a registry client can read. Only for
 * connections on which nothing is being answered: this text would become part of that answer.
 *
 * @param headerLimit bytes of headers that are read
 */
export function refuse(error: Error, socket: Socket, headerLimit: number): void {
  const code = 'code' in error ? error.code : undefined
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, message] = describe(code, headerLimit)
  const body = failureBody(new Failure('REQUEST_INVALID', message))
  socket.setTimeout(PARTING, () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString()}`,
  )
}

function describe(code: unknown, headerLimit: number): [status: number, message: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, `the request's headers exceed ${headerLimit} bytes`]
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'the request did not come in time']
    default:
      return [400, 'this is not an HTTP request']
  }
}
