import { createLogger as createWinston, format } from 'winston'
import type { Writable } from 'node:stream'
import { LineTransport, MESSAGE } from './line-transport.ts'
import { formatJsonLine, formatTextLine } from './log-line.ts'
import type { LogEntry } from './log-line.ts'

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** What belongs to a message; plain values, errors among them. */
export type LogFields = Readonly<Record<string, unknown>>

/** The log as the rest of the program sees it. A disabled level costs nanoseconds, so calls need no guard. */
export interface Logger {
  error(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
  /** A logger that adds `fields` to each message. */
  child(fields: LogFields): Logger
  /** For messages whose fields are dear to compute. */
  enabled(level: LogLevel): boolean
}

/** The logger that all others are children of. */
export interface RootLogger extends Logger {
  /** Hand over what is still held back to the stream: before the process ends. */
  flush(): void
}

export interface LoggerOptions {
  readonly level: LogLevel
  /** `auto`: text on a terminal, JSON otherwise. */
  readonly format: 'auto' | 'text' | 'json'
  readonly stream: Writable & { readonly isTTY?: boolean }
  /** Hears of every warning and error, whatever the level; must not throw. */
  readonly onTrouble?: (entry: LogEntry) => void
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 }

export function createLogger(options: LoggerOptions): RootLogger {
  const text = options.format === 'text' || (options.format === 'auto' && options.stream.isTTY === true)
  const toLine = text ? formatTextLine : formatJsonLine
  const transport = new LineTransport(options.stream)
  const winston = createWinston({
    levels: { ...SEVERITY },
    level: options.level,
    format: format((info) => {
      info[MESSAGE] = toLine((info as unknown as LogRecord).entry)
      return info
    })(),
    transports: [transport],
  })
  const write = (entry: LogEntry): void => {
    const record: LogRecord = { level: entry.level, message: entry.message, entry }
    winston.log(record)
  }
  const sink = { write, onTrouble: options.onTrouble, flush: () => transport.flush() }
  return new LevelledLogger(sink, SEVERITY[options.level], undefined)
}

/** Discards everything; for tests and for commands that log nothing. */
export function silentLogger(): RootLogger {
  const ignore = (): void => undefined
  return new LevelledLogger({ write: ignore, onTrouble: undefined, flush: ignore }, -1, undefined)
}

/** What all loggers of one log share. */
interface Sink {
  readonly write: (entry: LogEntry) => void
  readonly onTrouble: ((entry: LogEntry) => void) | undefined
  readonly flush: () => void
}

interface LogRecord {
  readonly level: string
  readonly message: string
  readonly entry: LogEntry
}

/** Filters by level before anything is built: winston itself takes microseconds to find that nobody listens. */
class LevelledLogger implements RootLogger {
  private readonly sink: Sink
  private readonly threshold: number
  private readonly base: LogFields | undefined

  constructor(sink: Sink, threshold: number, base: LogFields | undefined) {
    this.sink = sink
    this.threshold = threshold
    this.base = base
  }

  flush(): void {
    this.sink.flush()
  }

  error(message: string, fields?: LogFields): void {
    this.trouble('error', message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    this.trouble('warn', message, fields)
  }

  info(message: string, fields?: LogFields): void {
    if (this.threshold >= 2) this.emit('info', message, fields)
  }

  debug(message: string, fields?: LogFields): void {
    if (this.threshold >= 3) this.emit('debug', message, fields)
  }

  enabled(level: LogLevel): boolean {
    return this.threshold >= SEVERITY[level]
  }

  child(fields: LogFields): Logger {
    return new LevelledLogger(this.sink, this.threshold, { ...this.base, ...fields })
  }

  private emit(level: LogLevel, message: string, fields: LogFields | undefined): void {
    this.sink.write({ time: Date.now(), level, message, base: this.base, fields })
  }

  private trouble(level: 'error' | 'warn', message: string, fields: LogFields | undefined): void {
    if (this.enabled(level)) this.emit(level, message, fields)
    this.sink.onTrouble?.({ time: Date.now(), level, message, base: this.base, fields })
  }
}
