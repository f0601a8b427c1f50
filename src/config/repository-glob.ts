import type { Rewrite } from './upstream-setting.ts'
import { ValueMistake } from './value-mistake.ts'

// `*` stands for anything within a component and `**`, which stands between slashes, for one component or more.
const GLOB_COMPONENT = /^(?:\*\*|(?!.*\*\*)[a-z0-9._*-]+)$/
const GLOB_HOST_WITH_PORT = /^(?!.*\*\*)[a-z0-9._*-]+:\d{1,5}$/
const WILDCARD = /\*\*|\*/g
/** As many as `$1` to `$9` can name. */
const MAX_WILDCARDS = 9

/** A path component (distribution-spec, "Pulling manifests"). */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const CAPTURE = /\$(\d+)/g

/** A glob over the repositories of one registry, as `library/*`. @throws ValueMistake */
export function parseRepositoryGlob(text: string): string {
  return checkGlob(text, text.split('/'), 'library/*')
}

/** A glob over names, with or without a registry in front: `mycorp/**`, `ghcr.io/org/*`. @throws ValueMistake */
export function parseNameGlob(text: string): string {
  const [first = '', ...rest] = text.split('/')
  const host = rest.length > 0 && GLOB_HOST_WITH_PORT.test(first)
  return checkGlob(text, host ? rest : [first, ...rest], 'mycorp/** or docker.io/mycorp/*')
}

function checkGlob(text: string, components: readonly string[], example: string): string {
  if (wildcardsIn(text) > MAX_WILDCARDS)
    throw new ValueMistake(`has the glob "${text}" with more than ${MAX_WILDCARDS} wildcards`)
  if (components.every((component) => GLOB_COMPONENT.test(component))) return text
  if (/[^/]\*\*|\*\*[^/]/.test(text))
    throw new ValueMistake(`has "**" beside other characters in "${text}"; it stands for whole components`)
  throw new ValueMistake(
    `has the glob "${text}", which is not one over names, as ${example}: lower-case letters, digits, ".", "-", "_", ` +
      'with * for anything but a slash and ** for anything',
  )
}

/** `FROM>TO`, as `library/*>hub/library/$1`. @throws ValueMistake */
export function parseRewrite(text: string): Rewrite {
  const [from, to, ...more] = text.split('>')
  if (from === undefined || to === undefined || more.length > 0)
    throw new ValueMistake(`has the rewrite "${text}", which is not FROM>TO, as library/*>hub/library/$1`)
  return checkRewrite(from.trim(), to.trim())
}

/** @throws ValueMistake */
export function checkRewrite(from: string, to: string): Rewrite {
  parseRepositoryGlob(from)
  const wildcards = wildcardsIn(from)
  for (const [capture, number] of to.matchAll(CAPTURE)) {
    if (Number(number) < 1 || Number(number) > wildcards) {
      const has = wildcards === 1 ? '1 wildcard' : `${wildcards} wildcards`
      throw new ValueMistake(`has a rewrite to "${to}" with ${capture}, but "${from}" has ${has}`)
    }
  }
  const example = to.replace(CAPTURE, 'x').split('/')
  if (!example.every((component) => COMPONENT.test(component)))
    throw new ValueMistake(`has a rewrite to "${to}", which is no name of a repository`)
  return { from, to }
}

function wildcardsIn(glob: string): number {
  return glob.match(WILDCARD)?.length ?? 0
}
