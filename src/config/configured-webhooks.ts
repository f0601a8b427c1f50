import { messageOf } from '../errors.ts'
import type { ConfiguredWebhook, SettingValues } from './config.ts'
import type { SettingMistake } from './mistakes.ts'
import { bearer } from './source-setting.ts'
import { isHeaderValue } from './webhook-setting.ts'
import { ValueMistake } from './value-mistake.ts'

/** The webhooks, what is in files read. */
export async function configuredWebhooks(
  { webhook: settings }: SettingValues,
  readFile: (path: string) => Promise<string>,
  mistakes: SettingMistake[],
): Promise<ConfiguredWebhook[]> {
  const webhooks: ConfiguredWebhook[] = []
  for (const { tokenFile, headerFiles, ...rest } of settings) {
    const read = async (what: string, path: string, use: (text: string) => object): Promise<object> => {
      try {
        return use((await readFile(path)).trim())
      } catch (error) {
        mistakes.push({ where: `webhook ${rest.name} ${what} ${path}`, problem: messageOf(error) })
        return {}
      }
    }
    const headers = { ...rest.headers }
    if (tokenFile !== undefined) Object.assign(headers, await read('token-file', tokenFile, bearer))
    for (const [name, path] of Object.entries(headerFiles)) {
      Object.assign(headers, await read(`header-file.${name}`, path, (text) => header(name, text)))
    }
    webhooks.push({ ...rest, headers })
  }
  return webhooks
}

function header(name: string, text: string): Record<string, string> {
  if (text === '') throw new ValueMistake('is empty')
  if (!isHeaderValue(text)) throw new ValueMistake('has more than one line, or unprintable characters')
  return { [name]: text }
}
