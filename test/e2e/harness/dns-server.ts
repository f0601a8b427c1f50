import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import packet from 'dns-packet'
import type { Teardown } from './teardown.ts'

/** A DNS server for TXT records, on UDP. */
export class DnsServer {
  /** Name → texts. Other names do not exist. */
  readonly records = new Map<string, readonly string[]>()
  /** `127.0.0.1:<port>` */
  address = ''

  static async start(teardown: Teardown): Promise<DnsServer> {
    const server = new DnsServer()
    const socket = createSocket('udp4')
    socket.on('message', (message, from) => {
      const query = packet.decode(message)
      const question = query.questions?.[0]
      if (question === undefined) return
      const texts = question.type === 'TXT' ? server.records.get(question.name.toLowerCase()) : undefined
      const answer = packet.encode({
        type: 'response',
        id: query.id ?? 0,
        flags: packet.RECURSION_AVAILABLE | (texts === undefined ? 3 : 0),
        questions: [question],
        answers: (texts ?? []).map((data) => ({ type: 'TXT', name: question.name, ttl: 1, data })),
      })
      socket.send(answer, from.port, from.address)
    })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    server.address = `127.0.0.1:${socket.address().port}`
    teardown.defer(() => new Promise<void>((resolve) => socket.close(() => resolve())))
    return server
  }
}
