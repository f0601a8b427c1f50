import { run } from '../process.mjs'

/** Requests per second over 32 connections, from one core. Answers other than 2xx are errors. */
export async function wrk(url, { core, seconds = 4, headers = {} }) {
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const out = await run('wrk', ['-t1', '-c32', '--timeout', '30s', `-d${seconds}s`, ...given, url], { core })
  if (/Non-2xx|Socket errors/.test(out)) throw new Error(`${url}:\n${out}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(out)[1])
}

/** The same over any number of connections, with the median and the 99th percentile in ms. */
export async function wrkLatencies(url, { connections, seconds = 4, headers = {} }) {
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const args = ['-t1', `-c${connections}`, '--latency', '--timeout', '30s', `-d${seconds}s`, ...given, url]
  const out = await run('wrk', args)
  if (/Non-2xx|Socket errors/.test(out)) throw new Error(`${url}:\n${out}`)
  const latency = (percent) => {
    const [, value, unit] = new RegExp(`^ *${percent}% +([\\d.]+)(us|ms|s|m)\\b`, 'm').exec(out)
    return Number(value) * { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit]
  }
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(out)[1]), p50: latency(50), p99: latency(99) }
}
