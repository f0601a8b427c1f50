import type { z } from 'zod'
import type { SettingName, SETTINGS } from './settings.ts'
import type { MirrorSetting } from './mirror-setting.ts'
import type { SourceSetting } from './source-setting.ts'
import type { Credential, Secret, UpstreamHostSetting, UpstreamSetting } from './upstream-setting.ts'
import type { WebhookSetting } from './webhook-setting.ts'

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S

type Row<N extends SettingName> = (typeof SETTINGS)[N]
type Output<N extends SettingName> = z.output<Row<N>['schema']>
type Value<N extends SettingName> =
  Row<N> extends { readonly repeatable: true }
    ? readonly Output<N>[]
    : N extends 'store'
      ? Output<N>
      : Row<N> extends { readonly default: string }
        ? Output<N>
        : Output<N> | undefined

/** Every setting of the table under its name in camel case: sizes in bytes, durations in ms. */
export type SettingValues = { readonly [N in SettingName as CamelCase<N>]: Value<N> }

/** A source with nothing left to look up. */
export interface ConfiguredSource extends Omit<SourceSetting, 'concurrency' | 'tokenFile'> {
  readonly concurrency: number
}

/** An upstream with nothing left to look up. */
export interface ConfiguredUpstream extends Omit<UpstreamSetting, 'hosts'> {
  readonly hosts: readonly ConfiguredUpstreamHost[]
}

export interface ConfiguredUpstreamHost extends Omit<
  UpstreamHostSetting,
  'credentials' | 'caFile' | 'concurrency'
> {
  readonly credentials: Credential<Secret> | undefined
  /** PEM certificates. */
  readonly ca: string | undefined
  readonly concurrency: number
}

/** A receiver of events with nothing left to look up. */
export type ConfiguredWebhook = Omit<WebhookSetting, 'headerFiles' | 'tokenFile'>

/** As undici's EnvHttpProxyAgent takes them. */
export interface ProxySettings {
  readonly httpProxy: string | undefined
  readonly httpsProxy: string | undefined
  readonly noProxy: string
}

/** The settings in force. One frozen object; nothing else of this program reads the environment. */
export interface Config extends Omit<
  SettingValues,
  | 'source'
  | 'sourceConcurrency'
  | 'upstream'
  | 'upstreamConcurrency'
  | 'defaultUpstream'
  | 'mirror'
  | 'webhook'
> {
  /** In the order in which they are asked, public gateways last where they are wanted. */
  readonly sources: readonly ConfiguredSource[]
  readonly upstreams: readonly ConfiguredUpstream[]
  /** Name of one of the upstreams; undefined: a name without a registry is that of no image. */
  readonly defaultUpstream: string | undefined
  /** Each with the name of one of the upstreams, never an alias. */
  readonly mirrors: readonly MirrorSetting[]
  /** Each with a name of its own. */
  readonly webhooks: readonly ConfiguredWebhook[]
  /** Undefined where no proxy is set. */
  readonly proxy: ProxySettings | undefined
  /** `$IPFS_PATH`, else `~/.ipfs`: where a running Kubo leaves its `api` and `gateway` files. */
  readonly kuboRepository: string
}

/** Where a value came from. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'flag'; readonly name: string }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string; readonly line: number | undefined }

/** One setting as `ipfs-registry config` shows it. */
export interface SettingInForce {
  readonly name: SettingName
  /** In the spelling of the flag, without secrets; several for a repeatable setting, none where nothing is set. */
  readonly texts: readonly string[]
  readonly origin: Origin
}

export interface LoadedConfig {
  readonly config: Config
  readonly inForce: readonly SettingInForce[]
}

/** `--listen`, `IPFS_REGISTRY_LISTEN`, `gateway.yaml line 3` or `default`. */
export function formatOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'default':
      return 'default'
    case 'file':
      return origin.line === undefined ? origin.path : `${origin.path} line ${origin.line}`
    case 'flag':
    case 'environment':
      return origin.name
  }
}
