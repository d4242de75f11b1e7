// pillion: chain=inbound-http priority=165 grant-shared=true
import type { Plugin } from 'pillion/plugin'

const perMinute = 5

interface Used {
  readonly minute: number
  readonly count: number
}

/** So many requests a minute for each API key, counted over all workers. */
export default {
  async onRequest(request, cx) {
    const key = request.headers.get('x-api-key')
    if (key === null) return { status: 401, body: { error: 'x-api-key is missing' } }
    const minute = Math.floor(Date.now() / 60_000)
    // another worker may count at the same moment: then it is tried again
    for (;;) {
      const before = (await cx.kv.get(key)) as Used | undefined
      const used = before?.minute === minute ? before.count : 0
      if (used >= perMinute) {
        cx.counter('quota_refused').add()
        return { status: 429, headers: { 'retry-after': 60 }, body: { error: 'come back in a minute' } }
      }
      const after: Used = { minute, count: used + 1 }
      if (await cx.kv.compareAndSet(key, before, after, 120_000)) break
    }
    cx.state.isCounted = true
    return undefined
  },

  onResponse(response, cx) {
    if (cx.state.isCounted) response.headers.set('x-quota', perMinute)
  },
} satisfies Plugin
