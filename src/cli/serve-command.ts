import { EXIT } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'
import type { RunningGateway } from './program.ts'

/** Serves until told to stop, then lets what is under way finish for as long as `--shutdown-grace` allows. */
export async function serveCommand(context: CommandContext): Promise<ExitCode> {
  const { terminal, config } = context
  const program = await context.loadProgram()
  let gateway: RunningGateway
  try {
    gateway = await program.serve(config, terminal)
  } catch (error) {
    // Told to stop before it had begun.
    if (terminal.signal.aborted && error === terminal.signal.reason) return EXIT.done
    throw error
  }
  const { url, adminUrl, lines } = gateway
  if (context.json) context.print(JSON.stringify({ url, adminUrl, lines }))
  else for (const line of lines) context.print(line)
  try {
    await Promise.race([aborted(terminal.signal), ...(gateway.failed === undefined ? [] : [gateway.failed])])
  } finally {
    await stopWithin(config.shutdownGrace, gateway)
  }
  return EXIT.done
}

/** The timer is a real one, which keeps the process alive: that of `AbortSignal.timeout` would not. */
async function stopWithin(grace: number, gateway: RunningGateway): Promise<void> {
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(), grace)
  try {
    await gateway.stop(over.signal)
  } finally {
    clearTimeout(timer)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
