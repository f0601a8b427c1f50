import { isFailure, messageOf } from '../errors.ts'

/** One message of the log. */
export interface LogEntry {
  /** ms since the epoch. */
  readonly time: number
  readonly level: string
  readonly message: string
  /** Fields of the logger, then those of the message; the latter win. */
  readonly base: Readonly<Record<string, unknown>> | undefined
  readonly fields: Readonly<Record<string, unknown>> | undefined
}

/** `{"time":"…","level":"info","message":"…", …fields}` */
export function formatJsonLine(entry: LogEntry): string {
  const line: Record<string, unknown> = {
    time: isoTime(entry.time),
    level: entry.level,
    message: withoutPasswords(entry.message),
  }
  addFields(line, entry.base)
  addFields(line, entry.fields)
  return inOneLine(stringify(line) ?? '')
}

/** `12:34:56.789 info  message  key=value` */
export function formatTextLine(entry: LogEntry): string {
  return `${clock(entry.time)} ${entry.level.padEnd(5)} ${describeEntry(entry)}`
}

/** `message  key=value` */
export function describeEntry(entry: LogEntry): string {
  let line = inOneLine(withoutPasswords(entry.message))
  for (const [key, value] of Object.entries({ ...entry.base, ...entry.fields })) {
    if (value !== undefined) line += `  ${key}=${textValue(value)}`
  }
  return line
}

function addFields(line: Record<string, unknown>, fields: LogEntry['fields']): void {
  for (const key in fields) {
    const value = fields[key]
    // What every line has of its own keeps its meaning.
    const name = key === 'time' || key === 'level' || key === 'message' ? `${key}_` : key
    line[name] =
      typeof value === 'string'
        ? withoutPasswords(value)
        : value instanceof Error
          ? errorFields(value)
          : value
  }
}

/** Undefined for what has no JSON at all, as a function. */
function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    // Something in it has no JSON. A log that throws would turn a small defect into an outage.
    return JSON.stringify(value, replaceUnprintable())
  }
}

function replaceUnprintable(): (key: string, value: unknown) => unknown {
  const seen = new Set<unknown>()
  return (_, value) => {
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object' || value === null) return value
    if (seen.has(value)) return '…'
    seen.add(value)
    return value
  }
}

/** Failures are told by their message; anything else is a defect, and its stack is needed to find it. */
function errorFields(error: Error): object {
  const message = withoutPasswords(error.message)
  const cause = error.cause === undefined ? undefined : withoutPasswords(messageOf(error.cause))
  if (isFailure(error)) return { code: error.code, message, cause }
  return { message, cause, stack: withoutPasswords(error.stack ?? '') }
}

function textValue(value: unknown): string {
  if (typeof value === 'string') return textWord(withoutPasswords(value))
  if (value instanceof Error) {
    if (isFailure(value)) return textWord(withoutPasswords(`${value.code}: ${value.message}`))
    const stack = withoutPasswords(value.stack ?? value.message)
    return stack.split('\n').map(inOneLine).join('\n')
  }
  return inOneLine(withoutPasswords(stringify(value) ?? typeof value))
}

function textWord(text: string): string {
  return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : inOneLine(JSON.stringify(text))
}

/**
 * A line can hold what a client sent: it must not be able to forge another or to steer a terminal, for which some
 * characters are enough that JSON leaves as they are (C1 controls; ECMA-48, 5.3).
 */
function inOneLine(text: string): string {
  return CONTROL.test(text) ? text.replaceAll(CONTROLS, escaped) : text
}

const CONTROL = /\p{Cc}/u
const CONTROLS = /\p{Cc}/gu

function escaped(character: string): string {
  const short = JSON.stringify(character).slice(1, -1)
  return short === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : short
}

const USER_INFO = /(\/\/)[^/?#@\s"]*@/g

/** `https://user:password@host` without the part that is nobody's business. */
export function withoutPasswords(text: string): string {
  return text.includes('@') && text.includes('//') ? text.replace(USER_INFO, '$1***@') : text
}

let lastTime = NaN
let lastText = ''

/** Under load many lines share a millisecond, and writing the time is a quarter of a line's work. */
function isoTime(time: number): string {
  if (time !== lastTime) {
    lastTime = time
    lastText = new Date(time).toISOString()
  }
  return lastText
}

function clock(time: number): string {
  const date = new Date(time)
  const pad = (value: number, width = 2): string => String(value).padStart(width, '0')
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`
}
