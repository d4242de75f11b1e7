import type { FilterReader } from '../arguments.ts'
import { takenApart } from '../expand.ts'
import { noSource, type Stage } from '../flow.ts'
import type { StageMaker } from '../pipeline.ts'

const http2Preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
/** The longest that a method may be before it is none. */
const maxMethodLength = 20

/** Tells the script once what a stream begins with: `HTTP`, `HTTP2`, `TLS`, or an empty text. All of it passes. */
export function detectProtocol(reader: FilterReader): StageMaker {
  reader.atMost(1)
  const fn = reader.callback(0)
  return (pipeline, next) => {
    let seen: string | null = ''
    const stage: Stage = {
      source: noSource,
      process: (event) => {
        if (seen !== null && (event.type === 'data' || event.type === 'streamEnd')) {
          if (event.type === 'data') {
            const room = http2Preface.length - seen.length
            seen += Buffer.from(event.bytes.subarray(0, room)).toString('latin1')
          }
          const name = protocolOf(seen) ?? (event.type === 'streamEnd' ? '' : null)
          if (name !== null) {
            seen = null
            if (!pipeline.call(fn, 'nothing', [{ type: 'plain', value: name }])) return false
          }
        }
        return next.process(event)
      },
      resume: () => stage.source.resume(),
    }
    return takenApart(pipeline.line, stage)
  }
}

/** Null while more has to be seen. */
function protocolOf(begin: string): string | null {
  if (begin.length === 0) return null
  if (begin[0] === '\x16') return begin.length < 2 ? null : begin[1] === '\x03' ? 'TLS' : ''
  if (http2Preface.startsWith(begin)) return begin === http2Preface ? 'HTTP2' : null
  const method = /^[A-Z]+/.exec(begin)?.[0] ?? ''
  if (method.length === 0 || method.length > maxMethodLength) return ''
  if (method.length === begin.length) return null
  return begin[method.length] === ' ' ? 'HTTP' : ''
}
