import { columns, humanSize, printable } from './columns.ts'
import { EXIT } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'
import type { NameReport, RootReport } from './root-reports.ts'

/** Shows what each root is now, what it was, and where its name leads. Fails where one can't be read. */
export async function rootsCommand(context: CommandContext): Promise<ExitCode> {
  const program = await context.loadProgram()
  const reports = await program.roots(context.config, context.terminal)
  if (context.json) context.print(JSON.stringify(reports))
  else context.print(reports.map((report) => describe(report).map(printable).join('\n')).join('\n\n'))
  return reports.some(({ error }) => error !== undefined) ? EXIT.failed : EXIT.done
}

function describe({ root, versions, bytes, keptBytes, name, error }: RootReport): string[] {
  const [newest, ...earlier] = versions
  const kept = `${humanSize(keptBytes)} with all that is kept`
  const facts = [
    ...(newest === undefined
      ? [['current', error === undefined ? 'nothing was pushed yet' : 'not known']]
      : [
          ['current', `/ipfs/${newest.cid}`],
          ['version', [String(newest.number), ...timed(newest.at)].join(', ')],
          ['bytes', earlier.length === 0 ? humanSize(bytes) : `${humanSize(bytes)}, ${kept}`],
        ]),
    ...(name === undefined ? [] : nameFacts(name, newest?.cid)),
    ...(error === undefined ? [] : [['error', error]]),
    ...earlier.map(({ number, cid, at }, index) => [
      index === 0 ? 'before' : '',
      [`/ipfs/${cid}`, String(number), ...timed(at)].join(', '),
    ]),
  ]
  return [root, ...columns(facts.map(([what = '', value = '']) => [`  ${what}`, value]))]
}

function nameFacts(name: NameReport, newest: string | undefined): string[][] {
  const { keyName, key, error } = name
  return [
    ['name', key === undefined ? `none yet (key ${keyName})` : `/ipns/${key} (key ${keyName})`],
    ...(newest === undefined ? [] : [['published', publication(name, newest)]]),
    ...(error === undefined ? [] : [['last error', error]]),
  ]
}

function publication({ published, publishedAt, behindSince }: NameReport, newest: string): string {
  const isNewest = published === `/ipfs/${newest}`
  if (isNewest && behindSince === undefined) {
    return ['the current version', ...timed(publishedAt).map((at) => `seen ${at}`)].join(', ')
  }
  const what = published === undefined ? 'nothing' : isNewest ? 'the current version' : published
  return [what, ...timed(behindSince).map((at) => `behind since ${at}`)].join(', ')
}

function timed(at: number | undefined): string[] {
  return at === undefined ? [] : [new Date(at).toISOString()]
}
