import { test } from 'tap'
import { defaultSteps, findModule, modulesFor } from './catalogue.ts'
import { chainNames } from './model.ts'

/** `PRIORITY SHORT-NAME` of each step. */
function listing(format: 'fsm' | 'pillion', chain: (typeof chainNames)[number]): string[] {
  return defaultSteps(format)[chain].map(
    ({ name, priority }) => `${priority} ${findModule(chain, name)?.name}`,
  )
}

test('FSM’s chains stand in FSM’s order', async (t) => {
  t.same(listing('fsm', 'inbound-http'), [
    '180 tls-termination',
    '170 http-routing',
    '160 metrics',
    '150 tracing',
    '140 access-logging',
    '130 throttle-service',
    '120 throttle-route',
    '110 load-balancing',
    '100 fallback',
  ])
  t.same(listing('fsm', 'outbound-http'), [
    '160 http-routing',
    '150 metrics',
    '140 tracing',
    '130 access-logging',
    '120 circuit-breaker',
    '112 retry',
    '110 load-balancing',
    '100 fallback',
  ])
})

test('ours also limit what the application sends', async (t) => {
  const more = listing('pillion', 'outbound-http').filter(
    (step) => !listing('fsm', 'outbound-http').includes(step),
  )
  t.same(more, ['118 throttle-service', '117 throttle-route'])
  for (const chain of ['inbound-http', 'inbound-tcp', 'outbound-tcp'] as const) {
    t.same(listing('pillion', chain), listing('fsm', chain))
  }
})

test('TCP chains count and log above routing', async (t) => {
  t.same(listing('pillion', 'inbound-tcp'), [
    '130 tls-termination',
    '126 metrics',
    '123 access-logging',
    '120 tcp-routing',
    '110 load-balancing',
    '100 fallback',
  ])
  t.same(listing('pillion', 'outbound-tcp'), listing('pillion', 'inbound-tcp').slice(1))
})

test('a module is found by FSM’s name and by ours, in the chains where it may stand', async (t) => {
  t.equal(findModule('inbound-http', 'modules/inbound-http-routing.js')?.name, 'http-routing')
  t.equal(findModule('outbound-tcp', 'load-balancing')?.file, 'modules/outbound-tcp-load-balancing.js')
  t.equal(findModule('inbound-http', 'circuit-breaker')?.priority, 115)
  t.equal(findModule('inbound-http', 'retry')?.priority, 112)
  t.equal(findModule('inbound-http', 'modules/outbound-http-routing.js'), undefined)
  t.equal(findModule('outbound-http', 'tls-termination'), undefined)
  t.equal(findModule('inbound-http', 'constructor'), undefined)
})

test('no two modules of a chain share a name, a file or a priority', async (t) => {
  for (const chain of chainNames) {
    const modules = modulesFor(chain)
    for (const key of ['name', 'file', 'priority'] as const) {
      t.equal(new Set(modules.map((module) => module[key])).size, modules.length)
    }
  }
})
