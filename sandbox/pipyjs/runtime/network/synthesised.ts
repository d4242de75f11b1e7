import { Body } from '../../../../chains/body.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { type HttpResponse, localResponse } from '../../../../chains/http.ts'
import type { StreamEndEvent } from '../../events.ts'

/** What stands in for an answer that never came, by the name of the stream error; others are 502 Bad Gateway. */
const answers: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  CannotResolve: [502, 'Cannot Resolve'],
  ConnectionRefused: [502, 'Connection Refused'],
  ReadError: [502, 'Read Error'],
  WriteError: [502, 'Write Error'],
  Unauthorized: [401, 'Unauthorized'],
  ConnectionTimeout: [504, 'Gateway Timeout'],
  ReadTimeout: [504, 'Gateway Timeout'],
  WriteTimeout: [504, 'Gateway Timeout'],
  IdleTimeout: [504, 'Gateway Timeout'],
}

/** The answer that a script gets when its upstream gave none. */
export function synthesised({ error, detail }: Pick<StreamEndEvent, 'error' | 'detail'>): HttpResponse {
  const [status, reason] = answers[error ?? ''] ?? [502, 'Bad Gateway']
  return { ...localResponse(status, new HeaderList(), detail ? Body.of(detail) : null), reason }
}
