/**
 * Ask with a signal that lives no longer than the question. Those who ask several sources at once leave listeners on the
 * signal they are given, which is meant to end with a request.
 */
export async function withOwnSignal<T>(
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const own = new AbortController()
  const abort = (): void => own.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await ask(own.signal)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
