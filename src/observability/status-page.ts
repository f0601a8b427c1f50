import { createHash } from 'node:crypto'
import { html, Html } from './html.ts'
import {
  cacheSection,
  errorsSection,
  followedSection,
  rootsSection,
  sourcesSection,
  upstreamsSection,
  webhooksSection,
} from './status-sections.ts'
import { STATUS_STYLE } from './status-style.ts'
import { countText, secondsText, shareText, timeText } from './status-text.ts'
import type { GatewayStatus } from './status.ts'

/** Exactly what is hashed. */
const STYLE = new Html(`<style>${STATUS_STYLE}</style>`)

/** Seconds between two looks of a browser that shows the page. */
const REFRESH = 10

/** Nothing but the one style sheet: no script, no other place, no frame around it. */
export const STATUS_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STATUS_STYLE).digest('base64')}'`,
  // The icon that keeps browsers from asking for one.
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The page at `/`. @param refreshes whether a browser is to load it again and again */
export function statusPage(status: GatewayStatus, { refreshes }: { refreshes: boolean }): string {
  const { requests } = status
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${headline(status)} · ipfs-registry-gateway</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${refreshes ? [html`<meta http-equiv="refresh" content="${REFRESH}" />`] : []}
        <link rel="icon" href="data:," />
        ${STYLE}
      </head>
      <body>
        <header>
          <h1>ipfs-registry-gateway</h1>
          <p><strong class="${gradeOf(status)}">${headline(status)}</strong></p>
          <p class="quiet">
            As of <time datetime="${status.time}">${timeText(status.time)}</time> UTC,
            ${refreshing(refreshes)} · <a href="/status.json">as JSON</a> · <a href="/metrics">metrics</a>
          </p>
        </header>
        <main>
          <dl>
            <div>
              <dt>Version</dt>
              <dd>${status.version}</dd>
            </div>
            <div>
              <dt>Running for</dt>
              <dd>${secondsText(status.uptime_seconds)}</dd>
            </div>
            <div>
              <dt>Requests in flight</dt>
              <dd>${countText(requests.in_flight)} of at most ${countText(requests.in_flight_limit)}</dd>
            </div>
            <div>
              <dt>Requests answered</dt>
              <dd>${countText(requests.answered_total)}</dd>
            </div>
            <div>
              <dt>Of them 500 and above</dt>
              <dd>
                ${countText(requests.failed_total)}
                (${shareText(requests.failed_total, requests.answered_total)})
              </dd>
            </div>
          </dl>
          ${sourcesSection(status.sources)} ${upstreamsSection(status.upstreams)}
          ${cacheSection(status.cache)} ${rootsSection(status.roots)}
          ${followedSection(status.followed_roots)} ${webhooksSection(status.webhooks)}
          ${errorsSection(status.errors)}
        </main>
      </body>
    </html> `
  return page.text
}

function refreshing(refreshes: boolean): Html {
  return refreshes
    ? html`loaded again every ${REFRESH} s (<a href="/?refresh=off">hold</a>)`
    : html`held as it is (<a href="/">load again every ${REFRESH} s</a>)`
}

/** How it is, in a few words: also the title, for whoever has many tabs open. */
function headline({ ready, reasons, sources }: GatewayStatus): string {
  if (!ready) return `Not ready: ${reasons.join(', ')}`
  const silent = sources.filter(({ healthy }) => healthy === false)
  if (silent.length === 0) return 'Ready'
  return `Ready, but ${silent.length} of ${sources.length} sources ${silent.length === 1 ? 'does' : 'do'} not answer`
}

function gradeOf({ ready, sources }: GatewayStatus): string {
  if (!ready) return 'bad'
  return sources.some(({ healthy }) => healthy === false) ? 'warn' : 'good'
}
