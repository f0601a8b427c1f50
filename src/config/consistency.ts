import { formatOrigin } from './config.ts'
import type { SettingInForce, SettingValues } from './config.ts'
import type { SettingMistake } from './mistakes.ts'
import type { SettingName } from './settings.ts'

/** What is right for each setting by itself, but not together. @param values without those that are wrong by themselves */
export function checkTogether(
  values: Partial<SettingValues>,
  inForce: readonly SettingInForce[],
  mistakes: SettingMistake[],
): void {
  const add = (name: SettingName, problem: string): void => {
    const setting = inForce.find((one) => one.name === name)
    const origin = setting === undefined ? '' : ` (${formatOrigin(setting.origin)})`
    mistakes.push({ where: `${name}${origin}`, problem })
  }
  if (values.tlsCert !== undefined && values.tlsKey === undefined) add('tls-cert', 'needs tls-key as well')
  if (values.tlsKey !== undefined && values.tlsCert === undefined) add('tls-key', 'needs tls-cert as well')
  const { ipnsTtlMin = 0, ipnsTtlMax = Infinity, listen, adminListen, ipfsGateway, source = [] } = values
  if (ipnsTtlMin > ipnsTtlMax) add('ipns-ttl-min', 'must not be longer than ipns-ttl-max')
  if (listen !== undefined && listen.port !== 0 && adminListen?.port === listen.port) {
    if (adminListen.host === listen.host) add('admin-listen', 'must differ from listen')
  }
  if (typeof ipfsGateway === 'object' && ipfsGateway.port !== 0) {
    const taken = [listen, adminListen].find((one) => one?.port === ipfsGateway.port)
    if (taken?.host === ipfsGateway.host) add('ipfs-gateway', 'must differ from listen and admin-listen')
  }
  for (const kind of ['embedded', 'kubo'] as const) {
    const unnamed = source.filter((one) => one.kind === kind && one.url === undefined)
    if (unnamed.length > 1) add('source', `names ${kind} more than once`)
  }
}
