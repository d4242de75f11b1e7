import { asProxyError, type FailureCode, ProxyError } from '../../../chains/failures.ts'
import { PluginError, pluginFailure } from '../../plugin/contract.ts'
import type { StreamEndEvent } from '../events.ts'

/** A stream end that a failure of the proxy's own became: where it leaves the plugin it is that failure again. */
interface FailureEnd extends StreamEndEvent {
  readonly cause: ProxyError
}

/** How scripts see failures; those that are not here are `ConnectionReset`. */
const errorNames: Readonly<Partial<Record<FailureCode, string>>> = {
  ACCESS_DENIED: 'Unauthorized',
  BAD_REQUEST: 'ProtocolError',
  BODY_TOO_LARGE: 'BufferOverflow',
  CONNECT_REFUSED: 'ConnectionRefused',
  CONNECT_TIMEOUT: 'ConnectionTimeout',
  IDLE_TIMEOUT: 'IdleTimeout',
  INTERNAL: 'RuntimeError',
  NO_ENDPOINT: 'ConnectionRefused',
  REQUEST_BODY_INVALID: 'ProtocolError',
  REQUEST_BODY_TIMEOUT: 'ReadTimeout',
  REQUEST_TIMEOUT: 'ReadTimeout',
  TRY_TIMEOUT: 'ReadTimeout',
  UNRESOLVED: 'CannotResolve',
  UPSTREAM_INVALID: 'ProtocolError',
  UPSTREAM_OVERFLOW: 'BufferOverflow',
  UPSTREAM_TRUNCATED: 'ReadError',
}

/**
 * What it means when a script ends an exchange by that stream error without an
 * answer. None of them is a failure of the plugin, so that a refusal stays one
 * whatever the policy says of failures; those that are not here are `ACCESS_DENIED`.
 */
const codesByName: Readonly<Record<string, FailureCode>> = {
  BufferOverflow: 'UPSTREAM_OVERFLOW',
  CannotResolve: 'UNRESOLVED',
  ConnectionRefused: 'CONNECT_REFUSED',
  ConnectionTimeout: 'CONNECT_TIMEOUT',
  IdleTimeout: 'IDLE_TIMEOUT',
  ProtocolError: 'UPSTREAM_INVALID',
  ReadError: 'UPSTREAM_RESET',
  ReadTimeout: 'IDLE_TIMEOUT',
  WriteError: 'UPSTREAM_RESET',
  WriteTimeout: 'IDLE_TIMEOUT',
}

/** The end of a stream that failed. */
export function endOf(cause: ProxyError): StreamEndEvent {
  const error = errorNames[cause.code] ?? 'ConnectionReset'
  const end: FailureEnd = { type: 'streamEnd', error, detail: '', cause }
  return end
}

/** The failure that became that end of a stream; null when a script made it. */
export function causeOf(end: StreamEndEvent): ProxyError | null {
  return 'cause' in end ? (end as FailureEnd).cause : null
}

/** The failure that the end of a stream stands for. */
export function failureOf(end: StreamEndEvent): ProxyError {
  const cause = causeOf(end)
  if (cause) return cause
  const { error, detail } = end
  const code = (error !== null && codesByName[error]) || 'ACCESS_DENIED'
  const reason = detail || error
  return new ProxyError(code, `a plugin ended the exchange${reason ? `: ${reason}` : ' without an answer'}`)
}

/** What a plugin's failure is to the chain; anything else that was thrown as the chain has it. */
export function asPluginFailure(thrown: unknown): ProxyError {
  return thrown instanceof PluginError ? pluginFailure(thrown) : asProxyError(thrown)
}
