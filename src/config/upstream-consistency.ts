import type { SettingValues } from './config.ts'
import type { SettingName } from './settings.ts'
import { findUpstream, noSuchUpstream } from './upstream-name.ts'
import type { UpstreamSetting } from './upstream-setting.ts'

type Add = (name: SettingName, problem: string) => void

/** What is right for each setting of upstreams by itself, but not together. */
export function checkUpstreams(values: Partial<SettingValues>, add: Add): void {
  const { upstream, defaultUpstream, mirror = [] } = values
  // Without all of them nothing can be said of names.
  if (upstream === undefined) return
  const upstreams = namedUpstreams(upstream)
  if (upstreams.length > 0 && upstreams.length < upstream.length)
    add('upstream', 'must not be none and a registry at once')
  const seen = new Set<string>()
  for (const name of upstreams.flatMap((one) => [one.name, ...one.aliases])) {
    if (seen.has(name)) add('upstream', `names "${name}" more than once`)
    seen.add(name)
  }
  if (defaultUpstream !== undefined && defaultUpstream !== 'none') {
    if (findUpstream(upstreams, defaultUpstream) === undefined)
      add('default-upstream', noSuchUpstream(upstreams, defaultUpstream))
  }
  for (const one of mirror) {
    if (findUpstream(upstreams, one.upstream) === undefined)
      add('mirror', noSuchUpstream(upstreams, one.upstream))
  }
}

/** Those that are one. */
export function namedUpstreams(upstream: SettingValues['upstream']): readonly UpstreamSetting[] {
  return upstream.filter((one) => one !== 'none')
}
