import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launch, until } from './child.ts'
import { freePort } from './ports.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  /** Time in seconds, and the figure as text. */
  readonly value: readonly [number, string]
}

export interface EvaluatedRule {
  readonly name: string
  /** `ok`, `err`, or `unknown` before the first time. */
  readonly health: string
  readonly lastError?: string
}

/** A Prometheus that reads a gateway's metrics every second. */
export class Prometheus {
  readonly #url: string

  private constructor(url: string) {
    this.#url = url
  }

  /**
   * @param target `127.0.0.1:<port>` of the admin listener
   * @param rules path of a file of rules
   */
  static async start(teardown: Teardown, target: string, rules: string): Promise<Prometheus> {
    const folder = await tempFolder(teardown, 'prometheus')
    const address = `127.0.0.1:${await freePort()}`
    const configuration = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'ipfs-registry', static_configs: [{ targets: [target] }] }],
    }
    // JSON is YAML.
    await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(configuration))
    await mkdir(join(folder, 'data'))
    const server = launch('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
    ])
    teardown.defer(() => server.stop())
    const ready = async (): Promise<boolean> => {
      const answer = await fetch(`http://${address}/-/ready`).catch(() => undefined)
      await answer?.body?.cancel()
      return answer?.status === 200
    }
    await until('prometheus', ready, { process: server })
    return Prometheus.at(`http://${address}`)
  }

  /** One that runs already. */
  static at(url: string): Prometheus {
    return new Prometheus(url)
  }

  /** What an expression comes to now. @throws Error for one that can't be evaluated */
  async query(expression: string): Promise<Sample[]> {
    const data = await this.#api(`query?query=${encodeURIComponent(expression)}`)
    return (data as { result: Sample[] }).result
  }

  /** All rules, with how their last evaluation went. */
  async rules(): Promise<EvaluatedRule[]> {
    const { groups } = (await this.#api('rules')) as { groups: { rules: EvaluatedRule[] }[] }
    return groups.flatMap(({ rules }) => rules)
  }

  async #api(path: string): Promise<unknown> {
    const answer = (await (await fetch(`${this.#url}/api/v1/${path}`)).json()) as {
      status: string
      error?: string
      data: unknown
    }
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error ?? answer.status}`)
    return answer.data
  }
}
