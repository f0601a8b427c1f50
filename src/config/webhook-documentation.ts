/** The part of docs/CONFIGURATION.md on `--webhook`. */
export const WEBHOOK_REMARKS = `## Webhooks

\`--webhook\` may be given many times, once for each receiver of events; [EVENTS.md](EVENTS.md) has what is sent. Options
follow after semicolons (quote them for the shell), or stand in a YAML object:

    --webhook 'https://ci.example.org/hooks;header-file.Authorization=/run/secrets/hook;event=push;event=delete'

\`\`\`yaml
webhook:
  - https://follower.example.org/roots
  - url: https://ci.example.org/hooks?project=images
    name: ci
    header-files: { Authorization: /run/secrets/hook }
    events: [push, delete]
    timeout: 5s
\`\`\`

| Option | In YAML | Default | Meaning |
|---|---|---|---|
| \`name=NAME\` | same | the host of the URL | what it is called in the log and in metrics; each has one of its own |
| \`event=EVENT\` | \`events\` | \`push\`, \`delete\`, \`root\` | what it is told of: \`push\`: manifests, \`tag\`: manifests with a tag, \`delete\`: manifests and tags, \`blob\`: blobs pushed, mounted and deleted, \`root\`: new versions of roots; may repeat |
| \`header-file.Name=FILE\` | \`header-files\` | | a header with what is in a file; read at the start |
| \`header.Name=VALUE\` | \`headers\` | | sent with each request |
| \`token-file=FILE\`, \`token=TOKEN\` | same | | \`Authorization: Bearer …\`; a file is read at the start |
| \`batch=N\` | same | \`1\` | events in one request at most |
| \`timeout=DURATION\` | same | \`10s\` | until a receiver that does not answer has failed |

A password in a URL (\`https://user:password@host\`) is sent as Basic authentication. Of a URL only its scheme and host
are ever shown, since paths and queries of webhooks often hold a secret. One with a semicolon belongs into a YAML
object, one with a comma is none for the environment.`
