import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './harness/child.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith, repositoryFolder } from './harness/tools.ts'

/** A line as it is typed, and what it may go on with. */
const LINES: readonly (readonly [line: string, words: readonly string[]])[] = [
  ['ipfs-registry se', ['serve']],
  ['ipfs-registry serve --log-level ', ['debug', 'error', 'info', 'warn']],
  ['ipfs-registry serve --log-level=', ['debug', 'error', 'info', 'warn']],
  ['ipfs-registry serve --listen :80 --stor', ['--store']],
  ['ipfs-registry-gateway configure c', ['containerd', 'crio']],
  ['ipfs-registry roots import --root', ['--root', '--root-history']],
  ['ipfs-registry import --allow', ['--allow-incomplete']],
  ['ipfs-registry export x --format o', ['oci', 'oci-archive']],
  ['ipfs-registry publish ./pack', ['./packed file', './packing/']],
  ['ipfs-registry serve --tls-cert ./pack', ['./packed file', './packing/']],
]

interface Shell {
  readonly name: string
  /** What the shell offers for a line, in any form that has the words. */
  complete(script: string, line: string, words: readonly string[], folder: string): Promise<string>
}

const bash: Shell = {
  name: 'bash',
  complete: (script, line, _, cwd) => {
    // As readline gives them, for which = is a word of its own.
    const words = line.split(/ |(=)/).filter((word) => word !== undefined)
    const given = line.endsWith('=') ? words.slice(0, -1) : words
    const text =
      'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ipfs_registry; printf "%s\\n" "${COMPREPLY[@]}"'
    return run('bash', ['--norc', '-c', text, 'bash', script, ...given], { cwd })
  },
}

const fish: Shell = {
  name: 'fish',
  complete: (script, line, _, cwd) =>
    run('fish', ['--no-config', '-c', `source ${script}; complete -C '${line}'`], { cwd }),
}

/** Types the line into a terminal. */
const ZSH = `
zmodload zsh/zpty
zpty -b terminal zsh -f -i
zpty -w terminal "autoload -Uz compinit; compinit -u -D; source $1; cd $2; stty cols 1000; zstyle ':completion:*' verbose no; print REA''DY"
zpty -r terminal before '*READY*'
zpty -w -n terminal "$3"$'\\t\\t'
zpty -r terminal after "$4"
print -r -- "$after"
zpty -d terminal
`

const zsh: Shell = {
  name: 'zsh',
  complete: async (script, line, words, cwd) => {
    // It waits for all of them, behind what is typed; what is in a path it shows alone.
    const patterns = words.map((word) => `*${word.replace(/^(?:\.\/|--)|[/ ].*$/g, '')}`)
    return run('zsh', ['-f', '-c', ZSH, 'zsh', script, cwd, line, `${patterns.join('')}*`], {
      timeout: 25_000,
    })
  },
}

for (const shell of [bash, fish, zsh]) {
  describeWith([shell.name], `completion in ${shell.name}`, () => {
    const teardown = new Teardown()
    let folder: string
    let script: string
    beforeAll(async () => {
      folder = await tempFolder(teardown)
      script = join(await tempFolder(teardown), 'script')
      const text = await run('node', [join(repositoryFolder, 'dist/main.js'), 'completion', shell.name])
      await writeFile(script, text)
      await run('mkdir', ['packing'], { cwd: folder })
      await writeFile(join(folder, 'packed file'), '')
    })
    afterAll(() => teardown.run())

    test.each(LINES)(
      '%s',
      async (line, words) => {
        const offered = await shell.complete(script, line, words, folder)
        if (shell !== zsh) {
          const found = offered
            .trim()
            .split('\n')
            .map((one) => one.split('\t')[0] ?? '')
          const plain = found.map((one) => one.replace(/^--log-level=/, '').replace(/\/$/, ''))
          expect(plain.sort()).toEqual(words.map((word) => word.replace(/\/$/, '')).sort())
        }
      },
      30_000,
    )
  })
}
