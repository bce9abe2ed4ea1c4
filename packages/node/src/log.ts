import { isArmError } from '@armchain/core'
import { type DestinationStream, destination, type Level, pino } from 'pino'

export type LogLevel = Level | 'silent'

/** Structured log: one JSON object a line, the message for people beside the data for machines. */
export interface Log {
  readonly level: LogLevel
  debug(message: string, data?: Readonly<Record<string, unknown>>): void
  info(message: string, data?: Readonly<Record<string, unknown>>): void
  warn(message: string, data?: Readonly<Record<string, unknown>>): void
  error(message: string, data?: Readonly<Record<string, unknown>>): void
  /** The same log with `bindings` in every line. */
  child(bindings: Readonly<Record<string, unknown>>): Log
}

export type LogOptions = {
  /** Silent by default: a library does not write to its user's terminal. */
  readonly level?: LogLevel
  /** Where lines go; standard error by default, as standard output belongs to the command's answer. */
  readonly destination?: { write(line: string): void }
}

/** Field names whose values never reach a log. */
const SECRETS = ['mnemonic', 'secretKey', 'secretSeed', 'password']
const STDERR = 2

/** Logs nothing and costs nothing. */
export const silentLog: Log = {
  level: 'silent',
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}

export function createLog(options: LogOptions = {}): Log {
  const { level = 'silent' } = options
  if (level === 'silent') return silentLog
  const target: DestinationStream = options.destination ?? destination({ dest: STDERR, sync: true })
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"timeMs":${Date.now()}`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
      serializers: { error: errorFields },
    },
    target,
  )
  return wrap(logger, level)
}

type Sink = {
  debug(data: object, message: string): void
  info(data: object, message: string): void
  warn(data: object, message: string): void
  error(data: object, message: string): void
  child(bindings: Record<string, unknown>): Sink
}

function wrap(sink: Sink, level: LogLevel): Log {
  return {
    level,
    debug: (message, data = {}) => sink.debug(data, message),
    info: (message, data = {}) => sink.info(data, message),
    warn: (message, data = {}) => sink.warn(data, message),
    error: (message, data = {}) => sink.error(data, message),
    child: (bindings) => wrap(sink.child({ ...bindings }), level),
  }
}

function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, stack, cause } = error
  const fields = isArmError(error) ? { code: error.code, data: error.data } : {}
  return { name, message, ...fields, stack, ...(cause === undefined ? {} : { cause: errorFields(cause) }) }
}
