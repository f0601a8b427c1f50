import { messageOf } from '../errors.ts'
import type { ConfiguredSource, SettingValues } from './config.ts'
import type { SettingMistake } from './mistakes.ts'
import { publicSources } from './public-gateways.ts'
import { bearer } from './source-setting.ts'
import type { SourceSetting } from './source-setting.ts'

/** The sources in the order in which they are asked, their token files read, what is left open filled in. */
export async function configuredSources(
  values: SettingValues,
  readFile: (path: string) => Promise<string>,
  mistakes: SettingMistake[],
): Promise<ConfiguredSource[]> {
  const named = new Set(values.source.map((source) => source.url))
  const added = values.public ? publicSources().filter((source) => !named.has(source.url)) : []
  const sources: ConfiguredSource[] = []
  for (const source of [...values.source, ...added]) {
    const { tokenFile, concurrency = values.sourceConcurrency, ...rest } = source
    const headers = { ...rest.headers, ...(await tokenHeader(tokenFile, readFile, mistakes)) }
    sources.push({ ...rest, headers, concurrency })
  }
  return sources
}

async function tokenHeader(
  path: SourceSetting['tokenFile'],
  readFile: (path: string) => Promise<string>,
  mistakes: SettingMistake[],
): Promise<Record<string, string>> {
  if (path === undefined) return {}
  try {
    return bearer((await readFile(path)).trim())
  } catch (error) {
    mistakes.push({ where: `token-file ${path}`, problem: messageOf(error) })
    return {}
  }
}
