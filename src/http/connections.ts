import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** The connections of a server, and what is being answered on each, so that a server can end without cutting answers. */
export class Connections {
  private readonly answers = new Map<Socket, Set<ServerResponse>>()
  private ending = false

  add(socket: Socket): void {
    this.answers.set(socket, new Set())
    socket.once('close', () => {
      const underWay = this.answers.get(socket) ?? []
      this.answers.delete(socket)
      for (const res of underWay) if (res.socket === null) endUnsent(res)
    })
  }

  /** An answer begins on a connection; several may wait for each other there (RFC 9112, 9.3.2). */
  begin(socket: Socket, res: ServerResponse): void {
    const underWay = this.answers.get(socket)
    if (underWay === undefined) return
    underWay.add(res)
    if (this.ending) res.setHeader('Connection', 'close')
    res.once('close', () => {
      underWay.delete(res)
      if (this.ending && underWay.size === 0) socket.destroySoon()
    })
  }

  isAnswering(socket: Socket): boolean {
    return (this.answers.get(socket)?.size ?? 0) > 0
  }

  /** Close what is idle now, and the others as soon as they have their answers. */
  end(): void {
    this.ending = true
    for (const [socket, underWay] of this.answers) {
      if (underWay.size === 0) socket.destroy()
      for (const res of underWay) if (!res.headersSent) res.setHeader('Connection', 'close')
    }
  }

  /** Close all, answered or not. */
  cut(): void {
    for (const socket of this.answers.keys()) socket.destroy()
  }
}

/**
 * An answer that waits for another one on its connection has no socket yet, so Node.js does not tell it that the
 * connection is gone, and whoever waits for its end would wait for ever.
 */
function endUnsent(res: ServerResponse): void {
  res.destroy()
  res.emit('close')
}
