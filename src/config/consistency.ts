import { checkAccess } from './access-consistency.ts'
import type { Address } from './address.ts'
import { formatOrigin } from './config.ts'
import type { SettingInForce, SettingValues } from './config.ts'
import type { SettingMistake } from './mistakes.ts'
import type { SettingName } from './settings.ts'
import { checkUpstreams } from './upstream-consistency.ts'

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
  const { ipnsTtlMin = 0, ipnsTtlMax = Infinity, source = [] } = values
  if (ipnsTtlMin > ipnsTtlMax) add('ipns-ttl-min', 'must not be longer than ipns-ttl-max')
  checkListeners(values, add)
  for (const kind of ['embedded', 'kubo'] as const) {
    const unnamed = source.filter((one) => one.kind === kind && one.url === undefined)
    if (unnamed.length > 1) add('source', `names ${kind} more than once`)
  }
  checkUpstreams(values, add)
  checkAccess(values, add)
  checkRoots(values, add)
}

function checkRoots(
  { root = [], readOnlyRoot = [], webhook = [] }: Partial<SettingValues>,
  add: (name: SettingName, problem: string) => void,
): void {
  const repeated = (texts: readonly string[]): string[] =>
    texts.filter((text, at) => texts.indexOf(text) !== at)
  for (const name of repeated(root.map((one) => one.name))) add('root', `names ${name} more than once`)
  const keys = root.flatMap((one) => (one.key === undefined ? [] : [one.key]))
  for (const key of repeated(keys)) add('root', `has the key ${key} for more than one root`)
  for (const name of repeated(webhook.map((one) => one.name))) {
    add('webhook', `has more than one of the name ${name}: give each a name=NAME of its own`)
  }
  for (const other of repeated(readOnlyRoot.map((one) => one.root))) {
    add('read-only-root', `names ${other} more than once`)
  }
}

/** Each listener needs an address that none before it has. */
function checkListeners(
  { listen, adminListen, ipfsGateway, mirror = [] }: Partial<SettingValues>,
  add: (name: SettingName, problem: string) => void,
): void {
  const taken: Address[] = []
  const take = (name: SettingName, address: Address | 'on' | 'off' | undefined, others: string): void => {
    if (typeof address !== 'object' || address.port === 0) return
    if (taken.some(({ host, port }) => host === address.host && port === address.port))
      add(name, `must differ from ${others}`)
    taken.push(address)
  }
  take('listen', listen, 'nothing')
  take('admin-listen', adminListen, 'listen')
  take('ipfs-gateway', ipfsGateway, 'listen and admin-listen')
  for (const { address } of mirror)
    take('mirror', address, 'listen, admin-listen, ipfs-gateway and every other mirror')
}
