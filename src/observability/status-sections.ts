import { html, type Html } from './html.ts'
import type {
  AskedStatus,
  CacheStatus,
  ErrorsStatus,
  FollowedRootStatus,
  RootPublishingStatus,
  RootStatus,
  SourceStatus,
  UpstreamStatus,
  WebhookStatus,
} from './status.ts'
import { table, type Column } from './status-table.ts'
import {
  bytesText,
  countedText,
  countText,
  millisecondsText,
  secondsText,
  shareText,
  timeText,
} from './status-text.ts'

// The parts of the status page, one for each heading.

export function sourcesSection(sources: readonly SourceStatus[]): Html {
  if (sources.length === 0) return nothing('Sources', 'No source is configured.')
  const state: Column<SourceStatus> = { title: 'State', cell: ({ healthy }) => healthState(healthy) }
  return html`<h2>Sources</h2>
    ${table({
      caption: 'Where content comes from, in the order in which it is asked for',
      columns: [named('Source'), state, ...ASKED],
      rows: sources,
    })}`
}

function healthState(healthy: boolean | null): Html {
  if (healthy === null) return html`<span class="quiet short">not looked at yet</span>`
  return healthy
    ? html`<span class="good short">answers</span>`
    : html`<span class="bad short">does not answer</span>`
}

export function upstreamsSection(upstreams: readonly UpstreamStatus[]): Html {
  if (upstreams.length === 0) return nothing('Upstreams', 'No other registry is configured.')
  const state: Column<UpstreamStatus> = {
    title: 'State',
    cell: ({ limited_until }) =>
      limited_until === null
        ? html`<span class="short">may be asked</span>`
        : html`<span class="warn">wants fewer requests</span> <span>until ${clock(limited_until)}</span>`,
  }
  return html`<h2>Upstreams</h2>
    ${table({
      caption: 'Registries that other names are asked of; they are not asked without need',
      columns: [named('Registry'), state, ...ASKED],
      rows: upstreams,
    })}`
}

/** Of whoever is asked. */
const ASKED: readonly Column<AskedStatus>[] = [
  {
    title: 'First byte',
    number: true,
    cell: ({ first_byte_median_ms: ms }) => (ms === null ? DASH : html`${millisecondsText(ms)}`),
  },
  { title: 'Received', number: true, cell: ({ received_bytes }) => html`${bytesText(received_bytes)}` },
  { title: 'Requests', number: true, cell: ({ requests_total }) => html`${countText(requests_total)}` },
  {
    title: 'Failing lately',
    number: true,
    cell: ({ recent_failures, recent_requests }) => html`${shareText(recent_failures, recent_requests)}`,
  },
  {
    title: 'Last failure',
    cell: ({ last_failure: last, digest_mismatches_total: wrong }) =>
      html`${
        wrong === 0 ? [] : [html`<span class="bad">sent wrong bytes: ${countedText(wrong, 'time')}</span>`]
      }${last === null ? [DASH] : [html`<span>${clock(last.time)}, ${last.outcome}</span> <span class="quiet">${last.message}</span>`]}`,
  },
]

export function cacheSection(cache: CacheStatus): Html {
  const { memory, disk } = cache
  const found = cache.memory_hits_total + cache.disk_hits_total
  const looked = found + cache.misses_total
  const rows = [
    { name: 'Memory', ...memory, hits: cache.memory_hits_total, evictions: cache.memory_evictions_total },
    ...(disk === null
      ? []
      : [{ name: 'Disk', ...disk, hits: cache.disk_hits_total, evictions: cache.disk_evictions_total }]),
  ]
  return html`<h2>Cache</h2>
    ${table({
      caption: `${countedText(cache.fills_in_flight, 'blob')} being fetched; ${shareText(found, looked)} of ${countedText(looked, 'look-up')} found what they wanted`,
      columns: [
        named('Where'),
        { title: 'Used', number: true, cell: ({ size_bytes }) => html`${bytesText(size_bytes)}` },
        { title: 'Of', number: true, cell: ({ limit_bytes }) => html`${bytesText(limit_bytes)}` },
        { title: 'Full', number: true, cell: (row) => html`${shareText(row.size_bytes, row.limit_bytes)}` },
        { title: 'Hits', number: true, cell: ({ hits }) => html`${countText(hits)}` },
        { title: 'Evictions', number: true, cell: ({ evictions }) => html`${countText(evictions)}` },
      ],
      rows,
    })}
    ${disk === null ? [html`<p class="quiet">Nothing is kept on a disk.</p>`] : []}
    ${trouble(cache.write_failures_total, 'blob could not be written to the store', 'blobs could not be written to the store')}
    ${trouble(cache.read_failures_total, 'stored blob was damaged', 'stored blobs were damaged')}`
}

function trouble(count: number, one: string, several: string): Html[] {
  return count === 0 ? [] : [html`<p class="bad">${countText(count)} ${count === 1 ? one : several}</p>`]
}

export function rootsSection(roots: readonly RootStatus[] | null): Html {
  if (roots === null) return nothing('Roots', 'Nothing is pushed to this gateway.')
  return html`<h2>Roots</h2>
    ${table({
      caption: 'What images are pushed to, and the IPNS names that follow',
      columns: [
        named('Root'),
        {
          title: 'Version',
          number: true,
          cell: ({ version }) => (version === null ? DASH : html`${countText(version)}`),
        },
        { title: 'Changed', cell: ({ age_seconds, changed }) => ageCell(age_seconds, changed) },
        { title: 'CID', cell: rootContent },
        {
          title: 'IPNS name',
          cell: (root) => (root.publishing === null ? DASH : publishing(root.publishing)),
        },
      ],
      rows: roots,
    })}`
}

function rootContent(root: RootStatus): Html {
  if (root.error !== null)
    return html`<span class="bad">not known</span> <span class="quiet">${root.error}</span>`
  if (root.version === null) return html`<span class="quiet">nothing has been pushed yet</span>`
  if (root.private) return html`<span class="quiet">not told: it is private</span>`
  return html`<code>${root.cid ?? ''}</code>`
}

function publishing(name: RootPublishingStatus): Html {
  const behind = html`<span class="warn">behind for ${secondsText(name.behind_seconds)}</span>`
  const state = name.behind_since === null ? html`<span class="good">leads to this version</span>` : behind
  return html`${name.ipns_name === null ? html`<span class="quiet">no key yet</span>` : html`<code>${name.ipns_name}</code>`}
  ${state}${name.error === null ? [] : [html` <span class="bad">${name.error}</span>`]}`
}

export function followedSection(roots: readonly FollowedRootStatus[]): Html {
  if (roots.length === 0) return html``
  return html`<h2>Followed roots</h2>
    ${table({
      caption: 'Registries of others that are kept here',
      columns: [
        { title: 'Root', cell: ({ root }) => html`${root}` },
        {
          title: 'Kept',
          cell: ({ kept }) =>
            kept === null ? html`<span class="warn">nothing yet</span>` : html`<code>${kept}</code>`,
        },
        { title: 'Since', cell: ({ age_seconds, kept_since }) => ageCell(age_seconds, kept_since) },
        {
          title: 'Repositories',
          number: true,
          cell: ({ repositories }) => (repositories === null ? DASH : html`${countText(repositories)}`),
        },
        {
          title: 'State',
          cell: ({ fetching, error }) =>
            error !== null
              ? html`<span class="bad">${error}</span>`
              : fetching !== null
                ? html`<span class="warn">fetching</span> <code>${fetching}</code>`
                : html`<span class="good">followed</span>`,
        },
      ],
      rows: roots,
    })}`
}

export function webhooksSection(webhooks: readonly WebhookStatus[]): Html {
  if (webhooks.length === 0) return html``
  return html`<h2>Webhooks</h2>
    ${table({
      caption: 'Who is told of what is pushed and deleted',
      columns: [
        named('Webhook'),
        { title: 'Waiting', number: true, cell: ({ waiting_events }) => html`${countText(waiting_events)}` },
        {
          title: 'Delivered',
          number: true,
          cell: ({ delivered_total }) => html`${countText(delivered_total)}`,
        },
        {
          title: 'Lost',
          number: true,
          cell: ({ lost_total }) =>
            lost_total === 0 ? html`0` : html`<span class="bad">${countText(lost_total)}</span>`,
        },
        {
          title: 'Failed requests',
          number: true,
          cell: ({ failed_requests_total }) => html`${countText(failed_requests_total)}`,
        },
      ],
      rows: webhooks,
    })}`
}

export function errorsSection({ lines, answers }: ErrorsStatus): Html {
  return html`<h2>Last errors</h2>
    ${
      answers.length === 0
        ? html`<p class="quiet">No request has been answered with 500 or above.</p>`
        : table({
            caption: 'Answers of 500 and above, newest first',
            columns: [
              { title: 'Time (UTC)', cell: ({ time }) => clock(time) },
              { title: 'Status', number: true, cell: ({ status }) => html`${status}` },
              { title: 'Request', cell: ({ method, path }) => html`<code>${method} ${path}</code>` },
              {
                title: 'Failure',
                cell: ({ code, message }) =>
                  html`<span>${code ?? ''}</span> <span class="quiet">${message ?? ''}</span>`,
              },
              { title: 'Request id', cell: ({ request_id }) => html`<code>${request_id}</code>` },
            ],
            rows: answers,
          })
    }
    <h2>Last warnings</h2>
    ${
      lines.length === 0
        ? html`<p class="quiet">The log has had no warning.</p>`
        : table({
            caption: 'Warnings and errors of the log, newest first',
            columns: [
              { title: 'Time (UTC)', cell: ({ time }) => clock(time) },
              {
                title: 'Level',
                cell: ({ level }) =>
                  level === 'error'
                    ? html`<span class="bad">error</span>`
                    : html`<span class="warn">${level}</span>`,
              },
              { title: 'Message', cell: ({ message }) => html`${message}` },
            ],
            rows: lines,
          })
    }`
}

const DASH = html`<span class="quiet">–</span>`

function named(title: string): Column<{ readonly name: string }> {
  return { title, cell: ({ name }) => html`${name}` }
}

function nothing(title: string, sentence: string): Html {
  return html`<h2>${title}</h2>
    <p class="quiet">${sentence}</p>`
}

function ageCell(seconds: number | null, time: string | null): Html {
  if (seconds === null || time === null) return DASH
  return html`<span>${secondsText(seconds)} ago</span> <span class="quiet">${clock(time)}</span>`
}

function clock(time: string): Html {
  return html`<time datetime="${time}">${timeText(time)}</time>`
}
