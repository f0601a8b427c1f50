import type { RootCommands } from './root-commands.ts'

/** The commands about roots, as they are asked of a running gateway: path of the request, and what answers it. */
const REQUESTS = {
  '/roots': (commands, _, signal) => commands.roots(signal),
  '/import-root': (commands, query, signal) =>
    commands.import({ root: query.get('root') ?? '', path: query.get('path') ?? '' }, signal),
  '/gc': (commands, query, signal) => commands.gc(query.has('dry-run'), signal),
  '/unpublish': (commands, query, signal) => commands.unpublish(query.get('path') ?? '', signal),
} satisfies Record<
  string,
  (commands: RootCommands, query: URLSearchParams, signal: AbortSignal) => Promise<unknown>
>

export type RootRequest = keyof typeof REQUESTS

export function isRootRequest(path: string): path is RootRequest {
  return Object.hasOwn(REQUESTS, path)
}

export function answerRootRequest(
  commands: RootCommands,
  path: RootRequest,
  query: URLSearchParams,
  signal: AbortSignal,
): Promise<unknown> {
  return REQUESTS[path](commands, query, signal)
}
