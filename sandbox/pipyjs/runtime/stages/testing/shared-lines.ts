/** What the tests of `mux` are built from: an upstream that answers line by line, and a script that sends it lines. */

import { eventually } from '../../../../../test/support/nothing-left.ts'
import type { UpstreamConnection } from '../../../../../test/support/raw.ts'
import type { Bench } from '../../testing/bench.ts'

/** Answers each line it is sent. */
export function answering(answer: (line: string, connection: UpstreamConnection) => string) {
  return async (connection: UpstreamConnection) => {
    for (let seen = 0; ; seen += 1) {
      const all = () => String(connection.received).split('\n')
      await connection.until(() => all().length > seen + 1 || connection.ending !== null, 'a line', 60_000)
      if (all().length <= seen + 1) break
      const text = answer(all()[seen] as string, connection)
      if (text) connection.send(text)
    }
    connection.end()
  }
}

/** A script that sends the path of each request as a line, on what `mux` shares, and answers by the line that comes back. */
export const sender = (port: number, mux: string) => `
  pipy({ _rest: '', _path: '' }).pipeline()
  .handleMessageStart(({ head }) => void (_path = head.path))
  .${mux}.to($ => $
    .replaceMessage(message => new Data(message.head.path + ' ' + message.body.toString() + '\\n'))
    .connect('127.0.0.1:${port}')
    .replaceData(data => {
      const all = (_rest + data.toString()).split('\\n')
      _rest = all.pop()
      return all.map(line => new Message({ status: 200 }, line))
    }))
  .handleMessageStart(({ head }) => void (head.headers['x-path'] = _path))`

/** What lets it connect to the upstreams of tests. */
export const grant = { connect: ['127.0.0.1:*'] }

/** Closes what is kept for messages to come. */
export async function idle({ tools, plugin }: Bench): Promise<void> {
  tools.clock.advance(60_000)
  await eventually(() => plugin.usage().exchanges === 0, 'nothing is kept')
}
