import { test } from 'tap'
import { buildChains, type Mount } from './assemble.ts'
import { cluster, contextOf, modelOf, splitPort, streamOf, toolsWith } from './balancing/fixtures.ts'
import { defaultSteps } from './catalogue.ts'
import type { Model } from './model.ts'
import { testRequest } from './policy/testing.ts'
import type { AccessLogConfig } from './settings.ts'

const none: Model['chains'] = {
  'inbound-tcp': [],
  'inbound-http': [],
  'outbound-tcp': [],
  'outbound-http': [],
}
const logged: AccessLogConfig = { path: '-', sample: 1, fields: null }

function build(parts: Partial<Model>) {
  const tools = { inbound: toolsWith(), outbound: toolsWith() }
  const ports = [splitPort({ c: 1 }), splitPort({ c: 1 }, { direction: 'outbound' })]
  const model = modelOf([cluster('c', ['a:1'])], ports, parts)
  return { tools, model, ...buildChains(model, tools) }
}

test('the four default chains are built in order, and each direction uses its own tools', async (t) => {
  const { tools, model, http, tcp, warnings } = build({ chains: defaultSteps('pillion'), accessLog: logged })
  t.same(warnings, [])
  for (const chain of [http.inbound, http.outbound, tcp.inbound, tcp.outbound]) {
    t.same(
      chain.steps.map(({ name, priority }) => ({ name, priority })),
      model.chains[chain.name],
    )
  }
  const port = model.outbound.ports[0] ?? null
  const response = await http.outbound.run(testRequest(), contextOf({ port }, { direction: 'outbound' }))
  t.equal(response.headers.get('x-from'), 'a:1')
  t.equal(tools.outbound.sent.length, 1)
  t.equal(tools.inbound.sent.length, 0)
})

test('a step that is not there, stands in the wrong chain or comes twice is left out with a warning', async (t) => {
  const { http, warnings } = build({
    chains: {
      ...none,
      'inbound-http': [
        { name: 'modules/inbound-http-routing.js', priority: 170 },
        { name: 'plugins/cors.js', priority: 165 },
        { name: 'modules/outbound-http-routing.js', priority: 160 },
        { name: 'http-routing', priority: 150 },
      ],
    },
  })
  t.same(
    http.inbound.steps.map(({ name }) => name),
    ['modules/inbound-http-routing.js'],
  )
  t.same(warnings, [
    'chain inbound-http: plugins/cors.js is not there, and is left out',
    'chain inbound-http: modules/outbound-http-routing.js is not there, and is left out',
    'chain inbound-http: http-routing is mounted twice, and is left out',
  ])
})

test('access logging without a log is no step, and no reason to warn', async (t) => {
  const { http, tcp, warnings } = build({ chains: defaultSteps('fsm') })
  t.same(warnings, [])
  for (const chain of [http.inbound, http.outbound, tcp.inbound, tcp.outbound]) {
    t.notOk(chain.steps.some(({ name }) => name.includes('logging')))
  }
})

test('at the end of a chain where nothing answered there is no route', async (t) => {
  const { http, tcp } = build({ chains: none })
  t.throws(() => http.inbound.run(testRequest(), contextOf()), { code: 'NO_ROUTE' })
  t.throws(() => tcp.outbound.run(streamOf(), contextOf()), { code: 'NO_ROUTE' })
})

test('a pattern that is none keeps the generation from being built', async (t) => {
  const port = splitPort({ c: 1 })
  const service = Object.values(port.http?.hosts ?? {})[0]?.service
  const [route] = service?.routes ?? []
  if (!service || !route || !port.http) throw new Error('no route')
  const bad = { ...service, routes: [{ ...route, headers: [{ name: 'x', regex: '(' }] }] }
  const http = { ...port.http, hosts: { '*': { service: bad, rewriteHost: '' } } }
  const tools = toolsWith()
  const model = modelOf([], [{ ...port, http }], { chains: defaultSteps('pillion') })
  t.throws(() => buildChains(model, { inbound: tools, outbound: tools }), { name: 'SyntaxError' })
})

/** A mount that says by a header which filter it stood in front of. */
const mountOf = (version: string): Mount => ({
  version,
  mode: 'enforce',
  http: (_chain, builtIn) => (request, cx, next) => {
    request.headers.append('X-Mount', `${version} ${builtIn ? 'for a built-in' : 'alone'}`)
    return builtIn ? builtIn(request, cx, next) : next(request, cx)
  },
  tcp: () => null,
})

test('a mount stands where a step names it, and knows the built-in filter whose place it takes', async (t) => {
  const chains = {
    ...none,
    'inbound-http': [
      { name: 'modules/inbound-http-routing.js', priority: 170 },
      { name: 'plugins/cors.js', priority: 165 },
      { name: 'plugins/inbound-http-load-balancing.js', priority: 110 },
    ],
    'inbound-tcp': [{ name: 'plugins/cors.js', priority: 1 }],
  }
  const { tools, model } = build({ chains })
  const mounts = new Map([
    ['plugins/cors.js', mountOf('1')],
    ['plugins/inbound-http-load-balancing.js', mountOf('2')],
  ])
  const { http, warnings } = buildChains(model, tools, mounts)
  t.same(warnings, ['chain inbound-tcp: plugins/cors.js has nothing to do there, and is left out'])
  t.same(
    http.inbound.steps.map(({ plugin }) => plugin),
    [null, { version: '1', mode: 'enforce' }, { version: '2', mode: 'enforce' }],
  )
  await http.inbound.run(testRequest(), contextOf({ port: model.inbound.ports[0] ?? null }))
  t.same(tools.inbound.sent[0]?.request.headers.getAll('x-mount'), ['1 alone', '2 for a built-in'])
})
