import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { decode, encode, RECURSION_DESIRED, type DecodedPacket, type Packet } from 'dns-packet'
import type { DnsServer } from './dns-server.ts'

/** An answer to a question, as it came. */
export type DnsAnswer = DecodedPacket & {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` … */
  readonly rcode: string
}

/**
 * Ask one server one question for TXT records, over UDP, and over TCP when the answer does not fit (RFC 1035, RFC
 * 7766). A datagram that does not answer this very question is ignored, as it may be forged.
 *
 * @throws an Error of the network, or the signal's reason
 */
export async function exchange(server: DnsServer, name: string, signal: AbortSignal): Promise<DnsAnswer> {
  const answer = await overUdp(server, question(name), signal)
  return answer.flag_tc ? overTcp(server, question(name), signal) : answer
}

/** The id, and the random port of a socket made anew for each question, are what a forger has to guess (RFC 5452). */
function question(name: string): Packet & { readonly id: number } {
  return {
    type: 'query',
    id: randomInt(0x10000),
    flags: RECURSION_DESIRED,
    questions: [{ type: 'TXT', class: 'IN', name }],
  }
}

function answers(bytes: Buffer, query: Packet): DnsAnswer | undefined {
  let packet: DnsAnswer
  try {
    packet = decode(bytes) as DnsAnswer
  } catch {
    return undefined
  }
  // A record may say that it is longer than what came: what is missing would only look like a shorter text.
  if (decode.bytes > bytes.length) return undefined
  const [asked] = query.questions ?? []
  const [repeated, ...more] = packet.questions ?? []
  const same =
    packet.type === 'response' &&
    packet.id === query.id &&
    more.length === 0 &&
    repeated?.type === asked?.type &&
    repeated?.name.toLowerCase() === asked?.name.toLowerCase()
  return same ? packet : undefined
}

function overUdp(server: DnsServer, query: Packet, signal: AbortSignal): Promise<DnsAnswer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4')
    let done = false
    const finish = (settle: () => void): void => {
      if (done) return
      done = true
      signal.removeEventListener('abort', onAbort)
      socket.close()
      settle()
    }
    const onAbort = (): void => finish(() => reject(signal.reason as Error))
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('error', (error) => finish(() => reject(error)))
    socket.on('message', (bytes) => {
      const answer = answers(bytes, query)
      if (answer !== undefined) finish(() => resolve(answer))
    })
    socket.on('connect', () => socket.send(encode(query)))
    // Connected, the socket takes datagrams from this server alone, and hears of a closed port at once.
    socket.connect(server.port, server.host)
  })
}

function overTcp(server: DnsServer, query: Packet, signal: AbortSignal): Promise<DnsAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.host, port: server.port, signal })
    const fail = (message: string): void => {
      socket.destroy()
      reject(new Error(message))
    }
    let received = Buffer.alloc(0)
    socket.once('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error))
    socket.once('close', () => fail('it closed the connection before its answer was complete'))
    socket.once('connect', () => {
      const bytes = encode(query)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(bytes.length)
      socket.write(Buffer.concat([length, bytes]))
    })
    // The length is two bytes, so that no more than 64 KiB are ever held.
    socket.on('data', (piece: Buffer) => {
      received = Buffer.concat([received, piece])
      const end = received.length < 2 ? Infinity : 2 + received.readUInt16BE(0)
      if (received.length < end) return
      const answer = answers(received.subarray(2, end), query)
      if (answer === undefined) {
        fail('it sent something that does not answer the question')
      } else {
        socket.destroy()
        resolve(answer)
      }
    })
  })
}
