import { test } from 'tap'
import { Context } from '../../chains/context.ts'
import type { HttpFilter } from '../../chains/filter.ts'
import { HeaderList } from '../../chains/headers.ts'
import { localResponse } from '../../chains/http.ts'
import type { PluginPolicy } from '../../chains/plugins.ts'
import { recordingTools, testContext, testRequest } from '../../chains/policy/testing.ts'
import { httpPolicy, tcpPolicy } from './policy.ts'
import { type Behaviour, failureOf, loaded, nextTurn, testSpec } from './testing/kit.ts'

/** Marks the request with a name. */
const marks =
  (name: string): HttpFilter =>
  (request, cx, next) => {
    request.headers.append('X-Mark', name)
    return next(request, cx)
  }

interface Setting {
  readonly policy?: Partial<PluginPolicy>
  readonly newest?: Behaviour | null
  readonly previous?: Behaviour | null | undefined
  readonly builtIn?: HttpFilter | null
}

/** Sends requests through a plugin; what each was marked with, or how it failed. */
async function marksOf(setting: Setting, headers: string[] = [], count = 1): Promise<string[]> {
  const { policy = {}, newest = { http: marks('new') }, previous, builtIn = null } = setting
  const before = testSpec('p', {}, { version: '0' })
  const tools = recordingTools()
  const plugin = {
    newest: loaded(testSpec('p', policy, { previous: before }), newest, tools),
    previous: previous === undefined ? null : loaded(before, previous, tools),
  }
  const filter = httpPolicy(plugin, 'inbound-http', builtIn)
  const found: string[] = []
  const { peer, vars, log } = testContext()
  for (let index = 0; index < count; index += 1) {
    const cx = new Context({ id: `x-${index}`, peer, vars, log, startedAt: 0 })
    try {
      await filter?.(
        testRequest({ headers: new HeaderList(['Host', 'a', ...headers]) }),
        cx,
        async (request) => {
          found.push(request.headers.getAll('x-mark').join())
          return localResponse(200, new HeaderList(), null)
        },
      )
    } catch (thrown) {
      found.push((thrown as { code: string }).code)
    }
  }
  await nextTurn()
  return found
}

const old = { http: marks('old') }

test('a plugin that is off does nothing, and what it would replace is there', async (t) => {
  t.strictSame(await marksOf({ policy: { mode: 'off' } }), [''])
  t.strictSame(await marksOf({ policy: { mode: 'off' }, builtIn: marks('built in') }), ['built in'])
})

test('a plugin in the place of a built-in filter replaces it, but not while it is shadowed', async (t) => {
  t.strictSame(await marksOf({ builtIn: marks('built in') }), ['new'])
  t.strictSame(await marksOf({ policy: { mode: 'shadow' }, builtIn: marks('built in') }), ['built in'])
})

test('who is not chosen gets the version before, or none', async (t) => {
  const canary = { percent: null, header: { name: 'x-canary', value: 'yes' } }
  for (const [headers, expected] of [
    [['X-Canary', 'yes'], 'new'],
    [['X-Canary', 'no'], 'old'],
    [[], 'old'],
  ] as const) {
    t.strictSame(await marksOf({ policy: { canary }, previous: old }, [...headers]), [expected])
  }
  t.strictSame(await marksOf({ policy: { canary } }), [''])
  t.strictSame(await marksOf({ policy: { canary }, builtIn: marks('built in') }), ['built in'])
  const both = await marksOf({ policy: { canary: { percent: 30, header: null } }, previous: old }, [], 2_000)
  const share = both.filter((mark) => mark === 'new').length
  t.ok(share > 500 && share < 700, `${share} of 2,000 got the new one`)
})

test('a shadowed canary is run on a copy for those who are chosen, the others keep the version before', async (t) => {
  const policy = {
    mode: 'shadow',
    canary: { percent: null, header: { name: 'x-canary', value: 'yes' } },
  } as const
  t.strictSame(await marksOf({ policy, previous: old }, ['X-Canary', 'yes']), [''])
  t.strictSame(await marksOf({ policy, previous: old }), ['old'])
})

test('a stand-in for a plugin that could not be loaded acts by onError', async (t) => {
  const of = (onError: PluginPolicy['onError'], previous?: Behaviour | null) =>
    marksOf({ policy: { onError }, newest: null, previous })
  t.strictSame(await of('close'), ['PLUGIN_THREW'])
  t.strictSame(await of('open'), [''])
  t.strictSame(await of('previous', old), ['old'])
  t.strictSame(await of('previous', null), ['PLUGIN_THREW'], 'the version before is faulty too')
  t.strictSame(await marksOf({ policy: { mode: 'shadow' }, newest: null }), [''])
})

test('with onError: previous and none there, a failure closes', async (t) => {
  const fails: HttpFilter = async () => {
    throw failureOf(testSpec('p'))
  }
  t.strictSame(await marksOf({ policy: { onError: 'previous' }, newest: { http: fails } }), ['PLUGIN_THREW'])
})

test('a plugin that has nothing to do in a chain says so, unless something else stands there', async (t) => {
  const spec = testSpec('p')
  const plugin = { newest: loaded(spec, { http: marks('new') }), previous: null }
  t.equal(tcpPolicy(plugin, 'inbound-tcp', null), null)
  const idle = { newest: loaded(spec, {}), previous: null }
  t.equal(httpPolicy(idle, 'inbound-http', null), null)
  const builtIn = marks('built in')
  t.equal(httpPolicy(idle, 'inbound-http', builtIn), builtIn)
})
