import type { Socket } from 'node:net'
import { buildConnector, type Dispatcher, Pool } from 'undici'
import { systemCodeOf } from '../../errors.ts'

/** ms between looks at whether the reader of a body whose connection has ended reads on. */
const PATIENCE = 20

/**
 * A pool of connections on which an answer may be paused when its connection ends.
 *
 * undici 7 takes that for impossible and throws an assertion from the socket's event, which ends the process (nodejs/undici
 * 5360): any server that closes behind its answer, and is faster than the reader, would do it.
 */
export function outlastingPool(origin: string | URL, options: object): Dispatcher {
  const { connect, ...others } = options as Pool.Options
  const connector = typeof connect === 'function' ? connect : buildConnector(connect ?? {})
  return new Pool(origin, {
    ...others,
    connect: (to, callback) => {
      connector(to, (...connected) => {
        const [, socket] = connected
        if (socket) outlastPause(socket)
        callback(...connected)
      })
    },
  })
}

/** The end waits for the reader; a connection that breaks ends the answer at once. */
function outlastPause(socket: Socket): void {
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...values: unknown[]) => boolean
  // It would be closed behind its end, and what has come of the answer be lost.
  socket.allowHalfOpen = true
  const end = (): void => {
    if (socket.destroyed) return
    if (!isPaused(() => emit('end'))) socket.end()
    else setTimeout(end, PATIENCE)
  }
  socket.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event === 'end') end()
    else if (event !== 'error' && event !== 'close') return emit(event, ...values)
    else if (isPaused(() => emit(event, ...values))) {
      emit('error', new Error('the connection broke while the answer was paused'))
      if (event === 'close') emit(event, ...values)
    }
    return true
  }
}

/** Whether undici says that it can't be told now. It changes nothing before it does. */
function isPaused(tell: () => void): boolean {
  try {
    tell()
    return false
  } catch (error) {
    if (systemCodeOf(error) === 'ERR_ASSERTION') return true
    throw error
  }
}
