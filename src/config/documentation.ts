import { GROUPS } from './setting.ts'
import { environmentVariableOf, flagOf, SETTING_NAMES, settingOf } from './settings.ts'
import type { SettingName } from './settings.ts'
import { UPSTREAM_REMARKS } from './upstream-documentation.ts'
import { WEBHOOK_REMARKS } from './webhook-documentation.ts'

/** docs/CONFIGURATION.md, from the table of settings. */
export function configurationPage(): string {
  const sections = GROUPS.map((group) => {
    const names = SETTING_NAMES.filter((name) => settingOf(name).group === group)
    return [`## ${group}`, '', '| Setting | Default | Meaning |', '|---|---|---|', ...names.map(row)].join(
      '\n',
    )
  })
  return [INTRODUCTION, ...sections, REMARKS].join('\n\n') + '\n'
}

function row(name: SettingName): string {
  const setting = settingOf(name)
  const value = setting.placeholder === undefined ? '' : ` ${setting.placeholder}`
  const spelling = `\`${flagOf(name)}${value}\`<br>\`${environmentVariableOf(name)}\``
  const standard = setting.default === undefined ? (setting.defaultText ?? '') : `\`${setting.default}\``
  const again = setting.repeatable === true ? '; repeatable' : ''
  return `| ${[spelling, standard, setting.help + again].map(cell).join(' | ')} |`
}

function cell(text: string): string {
  // What is in angle brackets would be taken for HTML, what is between stars for emphasis.
  const parts = text.split(/(`[^`]*`|<br>)/)
  const escaped = parts.map((part, index) =>
    index % 2 === 1 ? part : part.replace(/[<*]/g, (mark) => `\\${mark}`),
  )
  return escaped.join('').replaceAll('|', '\\|')
}

const INTRODUCTION = `<!-- Generated from src/config/settings.ts by \`npm run docs\`; do not edit. -->

# Settings

Every setting has one name and three spellings: a flag (\`--cache-size 50GiB\`), an environment variable
(\`IPFS_REGISTRY_CACHE_SIZE=50GiB\`) and a key of the YAML file that \`--config\` or \`IPFS_REGISTRY_CONFIG\` names
(\`cache-size: 50GiB\`). A flag wins over the environment, the environment over the file, the file over the default.
\`ipfs-registry config\` shows what is in force and where each value came from.

All settings are checked at the start, and every mistake is listed at once. A flag, key or \`IPFS_REGISTRY_…\` variable
that is no setting is a mistake too; a variable that is empty, and a key without value, are not set.

- **DURATION**: a number with a unit, \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`; parts add up: \`1h30m\`.
- **SIZE**: bytes, or a number with \`KiB\`, \`MiB\`, \`GiB\`, \`TiB\` (powers of 1024) or \`KB\`, \`MB\`, \`GB\`, \`TB\`
  (powers of 1000).
- **Repeatable** settings are given several times as flags, separated by commas in the environment, and as a list in
  YAML.
- What is true or false is a flag without value, \`--public\` or \`--no-public\`, and \`true\` or \`false\` elsewhere.
- Paths may begin with \`~/\`; relative ones are relative to the working directory.`

const REMARKS = `## Sources

\`--source\` may be given many times; sources are asked in that order.

| Source | What it is |
|---|---|
| \`embedded\` | the store of this gateway, filled by \`publish\` |
| \`kubo\` | the Kubo found through \`$IPFS_PATH/api\`, \`~/.ipfs/api\` or the usual address |
| \`kubo=http://127.0.0.1:5001\` | the RPC API of a Kubo, as a URL or a multiaddr: \`/ip4/127.0.0.1/tcp/5001\`, \`/dns4/kubo/tcp/5001/http\`, \`/unix/run/ipfs.sock\` |
| \`gateway=https://host\` | a trustless gateway: what it sends is verified block by block |
| \`trusted-gateway=https://host\` | a gateway that sends plain bytes: blobs are held to their digests, the rest is believed |

Options follow after semicolons (quote them for the shell), or stand in a YAML object:

    --source 'gateway=https://gateway.example.org;token-file=/run/secrets/token;concurrency=8;cache=false'

\`\`\`yaml
source:
  - embedded
  - kind: gateway
    url: https://gateway.example.org
    token-file: /run/secrets/token
    headers: { X-Team: images }
    concurrency: 8
    cache: false
\`\`\`

| Option | Default | Meaning |
|---|---|---|
| \`token\`, \`token-file\` | | bearer token, or the file that holds it; read at the start |
| \`header.<Name>\`; \`headers\` in YAML | | sent with each request |
| \`concurrency\` | \`--source-concurrency\` | requests under way at once |
| \`cache\` | \`true\` | whether blobs from it are kept on disk |
| \`optional\` | \`false\` | left out where it is not found at the start |

A password in a URL (\`https://user:password@host\`) is sent as Basic authentication and shown nowhere.
With \`--public\`, \`https://trustless-gateway.link\` and \`https://ipfs.io\` are asked after all others; without it no
gateway is asked that is not named here.

${UPSTREAM_REMARKS}

${WEBHOOK_REMARKS}

## Allow and deny lists

Globs over \`/ipfs/<cid>/<path>\` and \`/ipns/<name>/<path>\`: \`*\` stands for anything but a slash, \`**\` for anything.
One that names a folder stands for everything below it, and a CID may be in any of its spellings. Content is served when
\`--allow\` is not given or one of it matches, and none of \`--deny\` does.

## Read from the environment without the prefix

| Variable | Meaning |
|---|---|
| \`HTTP_PROXY\`, \`HTTPS_PROXY\`, \`NO_PROXY\` | proxies for everything that is fetched, in either case; never used for this machine's loopback |
| \`IPFS_PATH\` | where a running Kubo leaves its address; \`~/.ipfs\` by default |
| \`XDG_DATA_HOME\` | see \`--store\` |
| \`NODE_EXTRA_CA_CERTS\` | PEM file with certificate authorities to trust besides the usual ones (read by Node.js) |`
