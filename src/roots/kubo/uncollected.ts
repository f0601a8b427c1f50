import { Failure } from '../../errors.ts'
import { ADD_PARAMETERS } from '../../publish/kubo/add.ts'
import { runCommand } from '../../publish/kubo/rpc.ts'
import type { KuboAddress } from '../../publish/kubo/rpc.ts'

/** ms to wait for a garbage collection that is under way. */
export const COLLECTION_PATIENCE = 3_600_000

const BOUNDARY = 'ipfs-registry-no-collection'
/** A whole first file, and a boundary after which a second one seems to come. */
const FIRST_FILE = Buffer.from(
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="hold"\r\n` +
    `Content-Type: application/octet-stream\r\n\r\n-\r\n--${BOUNDARY}\r\n`,
)

/**
 * Do something while Kubo collects no garbage. Kubo holds collections off while an `add` with a pin goes on; so one of
 * two files is begun, and broken off when the action is over. That the first file is added shows that no collection is
 * under way. No pin is made, since that comes at the end of an `add`.
 *
 * A collection that is asked for meanwhile waits, and everything that wants to pin waits behind it: it must be short.
 */
export async function whileUncollected<T>(
  kubo: KuboAddress,
  signal: AbortSignal,
  action: () => Promise<T>,
): Promise<T> {
  const ending = new AbortController()
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield FIRST_FILE
    await released
  }
  const answers = runCommand(kubo, {
    name: 'add',
    parameters: { ...ADD_PARAMETERS, pin: 'true', 'wrap-with-directory': 'true' },
    body: {
      contentType: `multipart/form-data; boundary=${BOUNDARY}`,
      contentLength: undefined,
      pieces: pieces(),
    },
    signal: AbortSignal.any([signal, ending.signal]),
    patience: COLLECTION_PATIENCE,
  })
  try {
    const added = await answers.next()
    if (added.done === true) throw new Failure('CONTENT_UNAVAILABLE', 'Kubo ended an add before its end')
    return await action()
  } finally {
    release()
    ending.abort()
    await answers.return(undefined).catch(() => undefined)
  }
}
