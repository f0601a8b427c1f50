import { Argument, Command, CommanderError, Option } from 'commander'
import type { Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import { SETTING_NAMES } from '../config/settings.ts'
import type { SettingName } from '../config/settings.ts'
import { EXPORT_FORMATS } from '../export/export.ts'
import { EXIT } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'
import { completionScript, SHELL_NAMES } from './completion-command.ts'
import { configCommand } from './config-command.ts'
import { configureCommand } from './configure-command.ts'
import type { ConfigureOptions } from './configure-command.ts'
import { RUNTIME_NAMES } from '../runtimes/runtimes.ts'
import type { RuntimeName } from '../runtimes/runtimes.ts'
import { exportCommand } from './export-command.ts'
import type { ExportOptions } from './export-command.ts'
import { gcCommand } from './gc-command.ts'
import type { GcOptions } from './gc-command.ts'
import { exitCodeOf, failureText } from './failure-text.ts'
import { EXAMPLES } from './examples.ts'
import { healthCommand } from './health-command.ts'
import type { HealthOptions } from './health-command.ts'
import { importCommand } from './import-command.ts'
import type { ImportOptions } from './import-command.ts'
import { inspectCommand } from './inspect-command.ts'
import type { Program } from './program.ts'
import { publishCommand } from './publish-command.ts'
import type { PublishOptions } from './publish-command.ts'
import { rootsCommand } from './roots-command.ts'
import { rootsImportCommand } from './roots-import-command.ts'
import type { RootsImportOptions } from './roots-import-command.ts'
import { serveCommand } from './serve-command.ts'
import { addSettingOptions, flagsOf } from './setting-options.ts'
import type { Terminal } from './terminal.ts'
import { unpublishCommand } from './unpublish-command.ts'

const LOGGING = ['log-level', 'log-format'] as const
const FOR_PUBLISH: readonly SettingName[] = ['listen', 'source', 'store', ...LOGGING]
const FOR_IMPORT: readonly SettingName[] = ['store', ...LOGGING]
const FOR_ROOTS: readonly SettingName[] = [
  'source',
  'store',
  'push-to',
  'root',
  'root-history',
  'upload-timeout',
  ...LOGGING,
]
const FOR_HEALTH: readonly SettingName[] = ['admin-listen', ...LOGGING]
const FOR_MIRRORS: readonly SettingName[] = [
  'listen',
  'tls-cert',
  'upstream',
  'default-upstream',
  'mirror',
  ...LOGGING,
]
const FOR_READING: readonly SettingName[] = [
  'source',
  'public',
  'store',
  'dns-server',
  'answer-timeout',
  ...LOGGING,
]

/**
 * Runs one command line, without the names of node and script before it. Resolves to the exit code: 0, 1 failed,
 * 2 wrong use. Never rejects.
 */
export async function run(
  argv: readonly string[],
  env: Environment,
  terminal: Terminal,
  loadProgram: () => Promise<Program>,
): Promise<ExitCode> {
  let code: ExitCode = EXIT.done
  let adminPort: number | undefined
  // Before the settings are known, so that their own mistakes can be looked into as well.
  let debug = /(?:^| )--log-level[= ]debug(?: |$)/.test(argv.join(' '))

  /** A command's action: settings first, then the command itself. */
  const action =
    (perform: (context: CommandContext, argument: string, options: never) => ExitCode | Promise<ExitCode>) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command
      // commander gives options of `roots import` to `roots`, which has the same ones.
      const options = command.optsWithGlobals<{ config?: string; json?: boolean }>()
      const settings = await loadConfig({
        flags: flagsOf(options),
        env,
        readFile: terminal.readFile,
        ...(options.config === undefined ? {} : { file: options.config }),
      })
      adminPort = settings.config.adminListen?.port
      debug ||= settings.config.logLevel === 'debug'
      const context: CommandContext = {
        terminal,
        loadProgram,
        settings,
        config: settings.config,
        json: options.json === true,
        print: (text) => void terminal.stdout.write(`${text}\n`),
      }
      code = await perform(context, command.args[0] ?? '', options as never)
    }

  const cli = new Command('ipfs-registry')
    .description('A registry for container images that live on IPFS.')
    .version(terminal.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
    })
    .showHelpAfterError('Add --help for all options and examples.')
    .addHelpText('after', EXAMPLES.program)

  const command = (
    name: keyof typeof EXAMPLES,
    help: string,
    shown: readonly SettingName[],
    under = cli,
  ): Command => {
    const examples = under === cli ? EXAMPLES[name] : EXAMPLES.roots
    const added = under.command(name).description(help).addHelpText('after', examples)
    added.addOption(new Option('--json', 'results as JSON'))
    addSettingOptions(added, shown)
    return added
  }

  command('serve', 'run the gateway', SETTING_NAMES).action(action(serveCommand))

  command('publish', 'put images on IPFS and print their address', FOR_PUBLISH)
    .addArgument(
      new Argument(
        '<PATH|->',
        'layout folder, folder of layouts, oci-archive or docker-archive; - for a pipe',
      ),
    )
    .addOption(new Option('--name <NAME>', 'folder under the root that the layout is put in'))
    .addOption(new Option('--tag <TAG>', 'tag for the image of an archive that names none'))
    .addOption(new Option('--to <TARGET>', 'where to').choices(['embedded', 'kubo']).default('embedded'))
    .action(action((context, path, options: PublishOptions) => publishCommand(context, path, options)))

  command('import', 'put CARs and IPNS records into the store', FOR_IMPORT)
    .addArgument(new Argument('<FILE|->', 'CAR, or IPNS record (<key>.ipns-record); - for a pipe'))
    .addOption(new Option('--name <KEY>', 'it is an IPNS record of this key'))
    .addOption(new Option('--allow-incomplete', 'keep what is there of a CAR that lacks blocks'))
    .action(action((context, path, options: ImportOptions) => importCommand(context, path, options)))

  command('inspect', 'show tags, platforms, sizes and CIDs of a layout', FOR_READING)
    .addArgument(new Argument('<IPFS-PATH>', '/ipfs/<cid>/<path> or /ipns/<name>/<path>'))
    .action(action((context, path) => inspectCommand(context, path)))

  command('export', 'write images or whole folders to a file, a folder or a pipe', FOR_READING)
    .addArgument(
      new Argument(
        '<IPFS-PATH>',
        '/ipfs/<cid>/<path> or /ipns/<name>/<path>; with :TAG or @DIGEST that image',
      ),
    )
    .addOption(new Option('--format <FORMAT>', 'of what is written').choices(EXPORT_FORMATS).default('car'))
    .addOption(new Option('-o, --output <PATH>', 'file or, for oci, folder to write; else stdout'))
    .addOption(new Option('--platform <OS/ARCH>', 'only images for this one, as linux/arm64 or linux/arm/v7'))
    .addOption(new Option('--name <NAME>', 'name of the image in a docker-archive'))
    .action(action((context, path, options: ExportOptions) => exportCommand(context, path, options)))

  const roots = command('roots', 'show each root: what it is and was, and where its name leads', FOR_ROOTS)
  roots.action(action(rootsCommand))
  command('import', 'start a root that has no version yet from what is on IPFS', FOR_ROOTS, roots)
    .addArgument(new Argument('<IPFS-PATH>', 'a folder of layouts: /ipfs/<cid> or /ipns/<name>'))
    .action(
      action((context, path, options: RootsImportOptions) => rootsImportCommand(context, path, options)),
    )

  command('gc', 'remove what nothing that is kept reaches', FOR_ROOTS)
    .addOption(new Option('--dry-run', 'only list it'))
    .action(action((context, _, options: GcOptions) => gcCommand(context, options)))

  command('unpublish', 'keep no longer what was published or imported', FOR_ROOTS)
    .addArgument(new Argument('<CID>', 'of its root: <cid> or /ipfs/<cid>'))
    .action(action((context, path) => unpublishCommand(context, path)))

  command('health', 'ask the running gateway how it is: exit code 0 where it is ready', FOR_HEALTH)
    .addOption(new Option('--live', 'only whether it is alive'))
    .action(action((context, _, options: HealthOptions) => healthCommand(context, options)))

  command('configure', 'set up a container runtime to pull through this gateway', FOR_MIRRORS)
    .addArgument(new Argument('<RUNTIME>', 'which one').choices(RUNTIME_NAMES))
    .addOption(new Option('--gateway <URL>', 'where it reaches the gateway (default: as --listen says)'))
    .addOption(new Option('--write', 'change its files; otherwise what they need is only shown'))
    .addOption(new Option('--remove', 'take away what --write has added'))
    .addOption(new Option('--dry-run', 'show only, whatever else is said'))
    .addOption(
      new Option('--system-root <DIR>', 'folder of another system, whose files are changed').default('/'),
    )
    .action(
      action((context, name, options: ConfigureOptions) =>
        configureCommand(context, name as RuntimeName, options),
      ),
    )

  command('config', 'show the settings in force and where each came from', SETTING_NAMES).action(
    action(configCommand),
  )

  // Settings have no say in it: a shell that starts is not to tell of their mistakes.
  cli
    .command('completion')
    .description('print a script by which a shell completes commands, flags and values')
    .addArgument(new Argument('<SHELL>', 'which one').choices(SHELL_NAMES))
    .addHelpText('after', EXAMPLES.completion)
    .action((shell: string) => void terminal.stdout.write(completionScript(cli, shell)))

  try {
    await cli.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    // commander has already written what it has to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse
    if (terminal.signal.aborted && isAbort(error, terminal.signal)) {
      terminal.stderr.write('ipfs-registry: interrupted\n')
      return EXIT.failed
    }
    terminal.stderr.write(`${failureText(error, { platform: terminal.platform, stack: debug, adminPort })}\n`)
    return exitCodeOf(error)
  }
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError')
}
