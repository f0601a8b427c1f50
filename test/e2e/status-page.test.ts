import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { until } from './harness/child.ts'
import { Gateway } from './harness/gateway-process.ts'
import { freePort } from './harness/ports.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith, toolPath } from './harness/tools.ts'

/** Without what a browser does for itself over a network. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A root that nobody has. */
const ABSENT = 'bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354'

const SIZES = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 900 } }
const LOOKS = (['light', 'dark'] as const).flatMap((scheme) =>
  (['phone', 'desktop'] as const).map((device) => [scheme, device] as const),
)

describeWith(['chromium'], 'the status page in a browser', () => {
  const teardown = new Teardown()
  let gateway: Gateway
  let browser: Browser

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: toolPath('chromium') ?? '', args: ARGUMENTS })
    teardown.defer(() => browser.close())
    gateway = await Gateway.start(teardown, {
      sources: ['embedded', `gateway=http://127.0.0.1:${await freePort()}`],
      flags: ['--push', '--upstream', `docker.io=http://127.0.0.1:${await freePort()}`],
    })
    const index = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] })
    const pushed = await fetch(`${gateway.url}/v2/team/app/manifests/v1`, {
      method: 'PUT',
      headers: { 'content-type': INDEX },
      body: index,
    })
    expect(pushed.status).toBe(201)
    for (const path of [`ipfs/${ABSENT}/app`, 'library/alpine', `ipfs/${ABSENT}/<b>&"quoted"`]) {
      expect((await fetch(`${gateway.url}/v2/${encodeURI(path)}/manifests/v1`)).status).toBeGreaterThan(399)
    }
  }, 90_000)
  afterAll(() => teardown.run(), 60_000)

  /** The page in a browser of its own, with what it asked for and complained about. */
  async function open(options: BrowserContextOptions) {
    const context = await browser.newContext(options)
    teardown.defer(() => context.close())
    const page = await context.newPage()
    const requests: string[] = []
    const complaints: string[] = []
    page.on('request', (request) => requests.push(request.url()))
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.goto(`${gateway.admin}/`)
    return { page, requests, complaints }
  }

  describe.each(LOOKS)('%s, on a %s', (colorScheme, device) => {
    let opened: Awaited<ReturnType<typeof open>>
    beforeAll(async () => {
      opened = await open({ colorScheme, viewport: SIZES[device] })
    }, 60_000)

    test('says how it is in words', async () => {
      const { page } = opened
      expect(await page.title()).toBe('Ready, but 1 of 2 sources does not answer · ipfs-registry-gateway')
      const sources = page.getByRole('table', { name: 'Where content comes from' })
      const rows = (await sources.getByRole('row').allInnerTexts()).map((text) => text.replace(/\s+/g, ' '))
      expect(rows.some((row) => /^embedded .*\banswers/.test(row))).toBe(true)
      expect(rows.some((row) => /^gateway:\S+ .*does not answer/.test(row))).toBe(true)
      expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1)
      expect(await page.getByRole('row', { name: /home/ }).innerText()).toMatch(/baf[a-z0-9]{50,}/)
    })

    test('fits, without scrolling sideways', async () => {
      const widths = await opened.page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ])
      expect(widths[0]).toBe(widths[1])
    })

    test('is easy to read: each text has a contrast of 4.5 or more', async () => {
      const low = (await contrasts(opened.page)).filter(({ ratio }) => ratio < 4.5)
      expect(low).toEqual([])
    })

    test(`follows the scheme, asks nobody else, and has no complaints`, async () => {
      const { page, requests, complaints } = opened
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      const [red = 0] = (background.match(/\d+/g) ?? []).map(Number)
      expect(red > 128).toBe(colorScheme === 'light')
      expect(requests.filter((url) => !url.startsWith(gateway.admin) && !url.startsWith('data:'))).toEqual([])
      expect(complaints).toEqual([])
    })
  })

  test('works without JavaScript, and is loaded again by itself', async () => {
    const { page, requests } = await open({ javaScriptEnabled: false })
    expect(await page.content()).toContain('does not answer')
    await until('another look', () => requests.filter((url) => url === `${gateway.admin}/`).length > 1)
  }, 60_000)

  test('can be held as it is', async () => {
    const { page } = await open({})
    await page.getByRole('link', { name: 'hold' }).click()
    await page.waitForURL(`${gateway.admin}/?refresh=off`)
    expect(await page.locator('meta[http-equiv]').count()).toBe(0)
    await page.getByRole('link', { name: /load again/ }).click()
    await page.waitForURL(`${gateway.admin}/`)
  }, 60_000)

  test('shows what a client sent as text', async () => {
    const { page } = await open({})
    expect(await page.locator('main b').count()).toBe(0)
    expect(await page.getByRole('table', { name: /Answers of 500/ }).innerText()).toContain(ABSENT)
  }, 60_000)
})

const INDEX = 'application/vnd.oci.image.index.v1+json'

/** Of each element that has text of its own, by WCAG 2.2 (1.4.3). Nothing on the page is translucent. */
function contrasts(page: Page): Promise<{ text: string; ratio: number }[]> {
  return page.evaluate(() => {
    const channels = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number)
    const luminance = (color: string): number => {
      const [red = 0, green = 0, blue = 0] = channels(color).map((value) => {
        const share = value / 255
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
    const behind = (element: Element | null): string => {
      for (let at = element; at !== null; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at)
        if (channels(backgroundColor)[3] !== 0) return backgroundColor
      }
      return 'rgb(255, 255, 255)'
    }
    const ratioOf = (one: string, other: string): number => {
      const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
      return (light + 0.05) / (dark + 0.05)
    }
    return [...document.body.querySelectorAll('*')]
      .filter((element) =>
        [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue?.trim()),
      )
      .map((element) => ({
        text: (element.textContent ?? '').trim().slice(0, 40),
        ratio: ratioOf(getComputedStyle(element).color, behind(element)),
      }))
  })
}
