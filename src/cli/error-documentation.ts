import { ERRORS } from '../errors.ts'
import type { ErrorKind } from '../errors.ts'

/** docs/ERRORS.md, from the table of errors. */
export function errorsPage(): string {
  const rows = Object.entries<ErrorKind>(ERRORS).map(
    ([code, { status, oci, retryAfter, meaning }]) =>
      `| \`${code}\` | ${status} | \`${oci}\` | ${retryAfter === undefined ? '' : `${retryAfter} s`} | ${meaning} |`,
  )
  return `<!-- Generated from src/errors.ts by \`npm run docs\`; do not edit. -->

# Errors

Answers to clients have the error body of the OCI distribution specification:

\`\`\`json
{ "errors": [{ "code": "MANIFEST_UNKNOWN", "message": "…", "detail": { "available": ["3.10.1"] } }] }
\`\`\`

Clients take 4xx for final and try again after 5xx. So "it is not there" is 4xx, and said only when a source that can
know has said it; "it could not be had now" is 503 or 504 with \`Retry-After\`, while the gateway goes on looking.

The first column is the code in logs and in the messages of commands.

| Failure | Status | OCI code | Retry-After | Meaning |
|---|---|---|---|---|
${rows.join('\n')}

Commands end with exit code 0, 1 when they failed, or 2 when they were used wrongly, \`SETTINGS_INVALID\` and
\`NAME_INVALID\` among them.
`
}
