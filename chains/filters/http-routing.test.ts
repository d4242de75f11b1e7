import { test } from 'tap'
import {
  answerOf,
  cluster,
  contextOf,
  countOf,
  modelOf,
  seeded,
  splitPort,
  toolsWith,
} from '../balancing/fixtures.ts'
import type { Context } from '../context.ts'
import { HeaderList } from '../headers.ts'
import type { HttpRequest } from '../http.ts'
import type { HttpRules, Model, PortRule, RouteRule } from '../model.ts'
import { testPort, testRequest, testRoute, testService } from '../policy/testing.ts'
import { httpRouting } from './http-routing.ts'

type Rule = Partial<Omit<RouteRule, 'path'>> & { path?: Partial<RouteRule['path']> }

function rule(name: string, { path, ...parts }: Rule): RouteRule {
  const route = testRoute(name)
  return { ...route, targets: [{ cluster: 'c', weight: 1 }], ...parts, path: { ...route.path, ...path } }
}

function portOf(
  routes: readonly RouteRule[],
  http: Partial<HttpRules> = {},
  parts: Partial<PortRule> = {},
): PortRule {
  const entry = { service: { ...testService('cart.shop'), routes }, rewriteHost: 'cart.shop' }
  const rules: HttpRules = {
    hosts: { cart: entry },
    hostMatching: 'exact',
    defaultHost: null,
    callerMatching: 'filtered',
    unmatched: 'denied',
    ...http,
  }
  return { ...testPort('p80'), http: rules, ...parts }
}

interface Asked {
  readonly cx: Context
  readonly request: HttpRequest
}

/** Runs one request through the filter; says what the next one saw. */
async function ask(
  port: PortRule,
  request: Partial<HttpRequest>,
  options: { model?: Partial<Model>; remoteAddress?: string } = {},
): Promise<Asked> {
  const model = modelOf([cluster('c', ['a:1'])], [port], options.model)
  const filter = httpRouting(port.direction, toolsWith(), model)
  const peer = options.remoteAddress === undefined ? {} : { remoteAddress: options.remoteAddress }
  const cx = contextOf({ port }, peer)
  let seen: HttpRequest | null = null
  await filter(testRequest({ headers: new HeaderList(['Host', 'cart']), ...request }), cx, async (input) => {
    seen = input
    return answerOf(200)
  })
  if (!seen) throw new Error('the chain did not go on')
  return { cx, request: seen }
}

async function routeOf(port: PortRule, request: Partial<HttpRequest>): Promise<string | undefined> {
  return (await ask(port, request)).cx.vars.route?.name
}

const withFields = (...fields: string[]) => ({ headers: new HeaderList(['Host', 'cart', ...fields]) })

test('the first rule that is met sets service, route and cluster', async (t) => {
  const { cx } = await ask(portOf([rule('one', { methods: ['POST'] }), rule('two', {})]), {})
  t.equal(cx.vars.service?.name, 'cart.shop')
  t.equal(cx.vars.route?.name, 'two')
  t.equal(cx.vars.cluster?.name, 'c')
  t.equal(cx.vars.isDenied, false)
})

test('paths are tested exactly, by prefix and by pattern, without the query', async (t) => {
  const port = portOf([
    rule('exact', { path: { type: 'exact', value: '/a/b' } }),
    rule('prefix', { path: { type: 'prefix', value: '/a' } }),
    rule('pattern', { path: { type: 'regex', value: '^/v\\d+$' } }),
  ])
  t.equal(await routeOf(port, { path: '/a/b?x=1' }), 'exact')
  t.equal(await routeOf(port, { path: '/a' }), 'prefix')
  t.equal(await routeOf(port, { path: '/a/c' }), 'prefix')
  t.equal(await routeOf(port, { path: '/a?b' }), 'prefix')
  t.equal(await routeOf(port, { path: '/ab' }), undefined)
  t.equal(await routeOf(port, { path: '/v12?x' }), 'pattern')
  t.equal(await routeOf(port, { path: '/x?/a/b' }), undefined)
})

test('paths are tested with the query, and prefixes without regard to segments, where FSM says so', async (t) => {
  const fsm = { includesQuery: true, isSegmentPrefix: false }
  const port = portOf([
    rule('exact', { path: { ...fsm, type: 'exact', value: '/a?x=1' } }),
    rule('prefix', { path: { ...fsm, type: 'prefix', value: '/a' } }),
    rule('pattern', { path: { ...fsm, type: 'regex', value: 'debug' } }),
    rule('all', { path: { ...fsm, type: 'regex', value: '.*' }, methods: ['PUT'] }),
  ])
  t.equal(await routeOf(port, { path: '/a?x=1' }), 'exact')
  t.equal(await routeOf(port, { path: '/ab' }), 'prefix')
  t.equal(await routeOf(port, { path: '/x?debug' }), 'pattern')
  t.equal(await routeOf(port, { path: '*', method: 'PUT' }), 'all')
  t.equal(await routeOf(port, { path: '/x' }), undefined)
})

test('headers must match their patterns, a missing one as the empty string, a repeated one as a list', async (t) => {
  const port = portOf([
    rule('core', { headers: [{ name: 'x-team', regex: '^core$' }] }),
    rule('none', { headers: [{ name: 'x-team', regex: '^$' }] }),
    rule('list', { headers: [{ name: 'x-team', regex: '^core, ' }] }),
  ])
  t.equal(await routeOf(port, withFields('X-Team', 'core')), 'core')
  t.equal(await routeOf(port, withFields()), 'none')
  t.equal(await routeOf(port, withFields('X-Team', 'core', 'x-team', 'ops')), 'list')
  t.equal(await routeOf(port, withFields('X-Team', 'ops')), undefined)
})

test('grouped callers: rules of the caller’s own hide the anonymous ones, for the methods they take', async (t) => {
  const port = portOf(
    [
      rule('ops', { callers: ['ops.ops'], methods: ['GET'], path: { value: '/admin' } }),
      rule('any', { path: { value: '/' } }),
    ],
    { callerMatching: 'grouped' },
  )
  const ops = withFields('ServiceIdentity', 'ops.ops')
  t.equal(await routeOf(port, { path: '/admin', ...ops }), 'ops')
  t.equal(await routeOf(port, { path: '/other', ...ops }), undefined)
  t.equal(await routeOf(port, { path: '/other', method: 'POST', ...ops }), 'any')
  t.equal(await routeOf(port, { path: '/admin' }), 'any')
  t.equal(await routeOf(port, { path: '/admin', ...withFields('serviceidentity', 'web.shop') }), 'any')
})

test('filtered callers: a rule that is not for the caller is passed over, and the refusal is remembered', async (t) => {
  const port = portOf(
    [
      rule('ops', { callers: ['ops.ops'], path: { value: '/admin' } }),
      rule('any', { path: { value: '/x' } }),
    ],
    { hostMatching: 'flexible', unmatched: 'absent' },
  )
  const ops = withFields('serviceidentity', 'ops.ops')
  t.equal(await routeOf(port, { path: '/admin', ...ops }), 'ops')
  t.equal(await routeOf(port, { path: '/x', ...ops }), 'any')
  const denied = await ask(port, { path: '/admin' })
  t.equal(denied.cx.vars.route, null)
  t.equal(denied.cx.vars.isDenied, true)
  t.equal((await ask(port, { path: '/nowhere' })).cx.vars.isDenied, false)
})

test('what nothing fits goes on without service, route and cluster', async (t) => {
  for (const request of [withFields(), { headers: new HeaderList(['Host', 'other']) }]) {
    for (const hostMatching of ['exact', 'flexible'] as const) {
      for (const unmatched of ['denied', 'absent'] as const) {
        const port = portOf([rule('post', { methods: ['POST'] })], { hostMatching, unmatched })
        const { cx } = await ask(port, request)
        t.same([cx.vars.service, cx.vars.route, cx.vars.cluster], [null, null, null])
        t.equal(cx.vars.isDenied, unmatched === 'denied', 'the rules say whether that is a refusal')
      }
    }
  }
  const { cx } = await ask({ ...testPort('raw') }, {})
  t.equal(cx.vars.route, null)
})

test('an unknown host goes to the default host, and is called by its name', async (t) => {
  const plain = portOf([rule('one', {})])
  const defaultHost = plain.http?.hosts.cart ?? null
  const { cx, request } = await ask(portOf([rule('one', {})], { defaultHost }), {
    headers: new HeaderList(['Host', 'other']),
  })
  t.equal(cx.vars.service?.name, 'cart.shop')
  t.equal(request.headers.get('host'), 'cart.shop')
})

test('the entry for every host is for ingress alone, where hosts match exactly', async (t) => {
  const port = portOf([rule('one', {})])
  const entry = port.http?.hosts.cart
  if (!entry) throw new Error('no entry')
  const range = { mutualTls: false, skipClientCertificateCheck: false, principals: null }
  const ingress = portOf([], { hosts: { '*': entry } }, { sources: [{ cidr: '10.9.0.0/16', ...range }] })
  const from = (remoteAddress: string) =>
    ask(ingress, { headers: new HeaderList(['Host', 'any']) }, { remoteAddress })
  const inside = await from('::ffff:10.9.1.1')
  t.equal(inside.cx.vars.isIngress, true)
  t.equal(inside.cx.vars.route?.name, 'one')
  const outside = await from('10.8.1.1')
  t.equal(outside.cx.vars.isIngress, false)
  t.equal(outside.cx.vars.route, null)
})

test('outbound says who is calling, and whoever says otherwise is corrected', async (t) => {
  const outbound = (routes: RouteRule[]) => portOf(routes, {}, { direction: 'outbound' })
  const identity = { ...modelOf([]).identity, serviceIdentity: 'cart-sa.shop' }
  const model = { model: { identity } }
  const claim = withFields('ServiceIdentity', 'root.kube-system', 'serviceidentity', 'again')
  const known = await ask(outbound([rule('one', { callers: ['nobody.at-all'] })]), claim, model)
  t.same(known.request.headers.getAll('serviceidentity'), ['cart-sa.shop'])
  const unknown = await ask(outbound([]), withFields(), model)
  t.notOk(unknown.request.headers.has('serviceidentity'))
  const inbound = await ask(portOf([rule('one', {})]), withFields(), model)
  t.notOk(inbound.request.headers.has('serviceidentity'))
})

test('outbound requests are shared out by weight, request by request', async (t) => {
  const port = splitPort({ v1: 90, v2: 10, spare: 0 }, { direction: 'outbound' })
  const model = modelOf([cluster('v1', []), cluster('v2', []), cluster('spare', [])], [port])
  const filter = httpRouting('outbound', toolsWith({}, { random: seeded(7) }), model)
  const cx = contextOf({ port })
  const chosen: (string | undefined)[] = []
  for (let index = 0; index < 1_000; index++) {
    await filter(testRequest(), cx, async () => {
      chosen.push(cx.vars.cluster?.name)
      return answerOf(200)
    })
  }
  t.same(countOf(chosen), { v1: 900, v2: 100 })
})

test('an inbound connection keeps its cluster, and the connections are shared out by weight', async (t) => {
  const port = splitPort({ v1: 3, v2: 1 })
  const model = modelOf([cluster('v1', []), cluster('v2', [])], [port])
  const filter = httpRouting('inbound', toolsWith(), model)
  const chosen: string[] = []
  for (let index = 0; index < 100; index++) {
    const choices = new Map<string, string>()
    const names = new Set<string>()
    for (let request = 0; request < 3; request++) {
      const cx = contextOf({ port }, { choices })
      await filter(testRequest(), cx, async () => answerOf(200))
      names.add(cx.vars.cluster?.name ?? '')
    }
    chosen.push([...names].join('+'))
  }
  t.same(countOf(chosen), { v1: 75, v2: 25 })
})

test('targets that are not among the clusters do not count', async (t) => {
  const port = splitPort({ gone: 99, here: 1 })
  const filter = httpRouting('inbound', toolsWith(), modelOf([cluster('here', [])], [port]))
  const cx = contextOf({ port })
  await filter(testRequest(), cx, async () => answerOf(200))
  t.equal(cx.vars.cluster?.name, 'here')
})
