/** One entry of `--upstream`: a registry that names fall through to. */
export interface UpstreamSetting {
  /** As its images are named: `docker.io`, `ghcr.io`, `registry.example:5000`. */
  readonly name: string
  /** Other names for it, in requests: `registry-1.docker.io`, `hub`. */
  readonly aliases: readonly string[]
  /** The registry itself, then its fall-backs in the order in which they are asked. At least one. */
  readonly hosts: readonly UpstreamHostSetting[]
  /** Globs over repositories, as `library/*`: only these, where there are any. */
  readonly allow: readonly string[]
  /** Never these, whatever `allow` says. */
  readonly deny: readonly string[]
  /** Whether clients are sent on to where the registry redirects readers of blobs. */
  readonly redirectClients: boolean
}

/** One host that an upstream's images are fetched from. */
export interface UpstreamHostSetting {
  /** `https://host[:port][/prefix]`, without `/v2`. */
  readonly url: string
  readonly credentials: CredentialSetting | undefined
  /** PEM certificates of authorities that are trusted for this host besides the system's. */
  readonly caFile: string | undefined
  /** Repository names are rewritten by the first of these that matches: `library/*` to `hub/library/$1`. */
  readonly rewrites: readonly Rewrite[]
  /** Whether its redirects may lead to private addresses. */
  readonly privateRedirects: boolean
  /** Requests under way at once; undefined: `upstream-concurrency`. */
  readonly concurrency: number | undefined
  /** Requests per second at most; undefined: any number. */
  readonly rate: number | undefined
}

export interface Rewrite {
  /** A glob over repositories. */
  readonly from: string
  /** A repository; `$1`, `$2`, … stand for what the wildcards of `from` stood for. */
  readonly to: string
}

export type CredentialSetting = Credential<SecretSetting>

/** What an upstream is shown. @typeParam S how a secret is given */
export type Credential<S> =
  | { readonly kind: 'password'; readonly username: string; readonly password: S }
  /** An OAuth2 refresh token, exchanged for bearer tokens. */
  | { readonly kind: 'identity-token'; readonly token: S }
  /** Path of a docker `config.json`: its `auths`, `credHelpers` and `credsStore`. */
  | { readonly kind: 'docker-config'; readonly path: string }
  /** `docker-credential-<name>` */
  | { readonly kind: 'helper'; readonly name: string }

/** A secret as the settings give it: one in a variable of the environment is read at the start. */
export type SecretSetting = Secret | { readonly kind: 'environment'; readonly name: string }

/** A secret, or the file it is in, which is read anew when it has failed. */
export type Secret =
  { readonly kind: 'value'; readonly value: string } | { readonly kind: 'file'; readonly path: string }
