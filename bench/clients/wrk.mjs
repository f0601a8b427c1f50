import { run } from '../process.mjs'

/** Requests per second over 32 connections, from one core. Answers other than 2xx are errors. */
export async function wrk(url, { core, seconds = 4, headers = {} }) {
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const out = await run('wrk', ['-t1', '-c32', '--timeout', '30s', `-d${seconds}s`, ...given, url], { core })
  if (/Non-2xx|Socket errors/.test(out)) throw new Error(`${url}:\n${out}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(out)[1])
}
