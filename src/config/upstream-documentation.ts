/** The part of docs/CONFIGURATION.md on `--upstream` and what is beside it. */
export const UPSTREAM_REMARKS = `## Upstream registries

\`--upstream\` may be given many times; which of them a request means, it says itself: by \`?ns=\`, by the first part of
the name (\`ghcr.io/org/app\`, or an alias in its place), or else it is \`--default-upstream\`. No other host is ever
asked, whatever a request names. [UPSTREAMS.md](UPSTREAMS.md) has what to set in docker, containerd, podman, CRI-O and
k3s.

| Upstream | What it is |
|---|---|
| \`docker.io\` | Docker Hub, at \`https://registry-1.docker.io\`; it is \`index.docker.io\` and \`registry-1.docker.io\` as well |
| \`ghcr.io\` | the registry at \`https://ghcr.io\` |
| \`registry.example:5000=http://10.0.0.1:5000\` | a registry that is elsewhere than its name says |
| \`hub=https://mirror.example/prefix\` | a word for a registry; before \`/v2\` there may be a path |
| \`none\` | alone: there is no upstream |

Options follow after semicolons (quote them for the shell), or stand in a YAML object, where those that may repeat are
lists:

    --upstream 'docker.io;alias=hub;username=me;password-file=/run/secrets/hub;rate=5'
    --upstream 'quay.io;fallback=https://mirror.example;allow=prometheus/*'

\`\`\`yaml
upstream:
  - docker.io
  - name: registry.example:5000
    url: https://registry.internal.example
    aliases: [images]
    username: gateway
    password-env: REGISTRY_PASSWORD
    ca: /etc/ssl/internal-ca.pem
    allow: [team/**]
    deny: [team/secret/**]
    fallbacks:
      - https://registry-2.internal.example
      - url: https://mirror.example
        identity-token-file: /run/secrets/mirror
        rewrites: [{ from: 'team/*', to: 'mirrored/team/$1' }]
        rate: 2
\`\`\`

| Option | In YAML | Default | Meaning |
|---|---|---|---|
| \`alias=NAME\` | \`aliases\` | | another name for it, in requests; may repeat |
| \`fallback=URL\` | \`fallbacks\` | | a host that is asked when those before it fail; may repeat, the order counts |
| \`allow=GLOB\` | \`allow\` | everything | only repositories that match one of these; may repeat |
| \`deny=GLOB\` | \`deny\` | nothing | never repositories that match one of these, whatever \`allow\` says; may repeat |
| \`redirect-clients\` | same | \`false\` | clients are sent on to where the registry redirects readers of blobs |
| | \`url\` | \`https://NAME\` | where it is; after \`=\` in the text form |
| \`username\` with \`password\`, \`password-file\` or \`password-env\` | same | | a user of the registry |
| \`identity-token\`, \`identity-token-file\`, \`identity-token-env\` | same | | an OAuth2 refresh token |
| \`docker-config=FILE\` | same | | a \`config.json\` of docker: its \`auths\`, \`credHelpers\` and \`credsStore\` |
| \`credential-helper=NAME\` | same | | the program \`docker-credential-NAME\` |
| \`ca=FILE\` | same | | PEM certificates of authorities to trust for this host, besides the usual ones; read at the start |
| \`rewrite=FROM>TO\` | \`rewrites\` | | how repositories are called at this host, as \`library/*>hub/library/$1\`; the first that matches counts; may repeat |
| \`private-redirects\` | same | \`false\` | redirects of this host may lead to private addresses |
| \`concurrency=N\` | same | \`--upstream-concurrency\` | requests under way at once |
| \`rate=N\` | same | any number | requests a second at most |

What stands below \`url\` is of one host: a fall-back has none of it, and in YAML, as an object with a \`url\`, all of it
for itself. Credentials are given in one way for each host. \`-file\` is a file, read when it is needed; \`-env\` is a
variable of the environment, read at the start, whose name must not begin with \`IPFS_REGISTRY_\`. A password in a URL
is shown nowhere; one with a semicolon, or with a comma in the environment, belongs into a file. All credentials serve
every client of this gateway.

Globs (\`allow\`, \`deny\`, \`FROM\`, \`--local\`) are over names of repositories: \`*\` stands for anything but a slash,
\`**\`, between slashes, for one component or more. \`$1\`, \`$2\` in \`TO\` stand for what the wildcards of \`FROM\` stood for.
\`--local\` may have the registry in front, \`docker.io/mycorp/**\`; without one it is about every registry. \`--local\` and
\`deny\` take \`alpine\` for \`library/alpine\` of Docker Hub, too.

\`--map\` names a file, or a path on IPFS: \`/ipfs/<cid>/map.yaml\`, \`/ipns/images.example.org/map.yaml\`. A file of this
machine below \`/ipfs\` is \`file:///ipfs/…\`. [MAPPING.md](MAPPING.md) has what it may say.`
