import type { IncomingHttpHeaders } from 'node:http'
import type { RpcFailure } from './wire.ts'

/** Who may talk to the server at all, judged by the headers that a browser cannot forge. */
export type AccessPolicy = {
  /** Names that the Host header may have; any when absent. */
  readonly hosts: ReadonlySet<string> | undefined
  /** Origins of web pages beside the loopback ones; `*` is any. */
  readonly origins: ReadonlySet<string>
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/**
 * A server on loopback answers only to loopback names: otherwise a web page could have its own domain name resolve to
 * 127.0.0.1 and read the answers as if they were its own (DNS rebinding).
 */
export function accessPolicy(
  host: string,
  allowedHosts: readonly string[] | undefined,
  corsOrigins: readonly string[] = [],
): AccessPolicy {
  const loopback = isLoopbackHost(host)
  const hosts = allowedHosts?.includes('*')
    ? undefined
    : loopback
      ? new Set([...LOOPBACK, host.toLowerCase(), ...(allowedHosts ?? []).map(lower)])
      : allowedHosts && new Set([host, ...allowedHosts].map(lower))
  return { hosts, origins: new Set(corsOrigins) }
}

export function accessProblem(policy: AccessPolicy, headers: IncomingHttpHeaders): RpcFailure | undefined {
  const name = hostName(headers.host)
  if (policy.hosts && !policy.hosts.has(name))
    return {
      code: 'ARM_RPC_FORBIDDEN',
      message: 'the Host header names another machine',
      data: { host: name.slice(0, 100) },
      hint: 'use http://localhost or http://127.0.0.1, or allow the name when starting the node',
    }
  if (headers.origin !== undefined && !isAllowedOrigin(policy, headers.origin))
    return {
      code: 'ARM_RPC_FORBIDDEN',
      message: 'web pages of this origin may not use the node',
      data: { origin: headers.origin.slice(0, 100) },
      hint: 'serve the page from localhost, or allow the origin when starting the node',
    }
  return undefined
}

export function isLoopbackHost(host: string): boolean {
  return LOOPBACK.includes(host) || host === '::1' || /^127(\.[0-9]{1,3}){3}$/.test(host)
}

function isAllowedOrigin({ origins }: AccessPolicy, origin: string): boolean {
  if (origins.has('*') || origins.has(origin)) return true
  if (!URL.canParse(origin)) return false
  const { protocol, hostname } = new URL(origin)
  return (protocol === 'http:' || protocol === 'https:') && LOOPBACK.includes(hostname)
}

function hostName(header: string | undefined): string {
  return lower(/^(\[[^\]]*\]|[^:]*)(?::[0-9]{1,5})?$/.exec(header ?? '')?.[1] ?? '')
}

function lower(text: string): string {
  return text.toLowerCase()
}
