import { test } from 'tap'
import { loadGood } from '../testing/config-file.ts'

const header = { originalDestination: 'header' }

/** An outbound config with these matches for port 80. */
const outboundOf = (matches: readonly unknown[], clusters: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ Outbound: { TrafficMatches: { 80: matches }, ClustersConfigs: clusters } })

test('the first host is the default where FSM says so', async (t) => {
  const config = JSON.parse(
    outboundOf([
      {
        Port: 80,
        Protocol: 'http',
        HttpHostPort2Service: { first: { RuleName: 'r', Service: 'svc.ns' }, second: { RuleName: 'r' } },
        HttpServiceRouteRules: { r: { RouteRules: [] } },
      },
    ]),
  )
  config.Spec = { FeatureFlags: { EnableAutoDefaultRoute: true } }
  const { model } = await loadGood(JSON.stringify(config), header)
  const http = model.outbound.ports[0]?.http
  t.equal(http?.defaultHost?.rewriteHost, 'svc.ns')
  t.equal(http?.hosts.second?.rewriteHost, 'r')
})

test('balancing is for each request when FSM says so, and 0 seconds is no timeout', async (t) => {
  const config = {
    Spec: { SidecarTimeout: 0, Traffic: { HTTP1PerRequestLoadBalancing: true, EnableEgress: true } },
    Outbound: { ClustersConfigs: { c: { Endpoints: null } } },
  }
  const { model } = await loadGood(JSON.stringify(config), header)
  t.equal(model.outbound.clusters.c?.balancing.sticky, 'request')
  t.equal(model.outbound.allowEgress, true)
  t.match(model.timeouts, { connectMs: 0, requestHeadMs: 0, idleMs: 0 })
})

test('a retry policy knows codes and classes, and passes over other words', async (t) => {
  const statusesFor = async (RetryOn: string) => {
    const { model } = await loadGood(
      outboundOf([], { c: { RetryPolicy: { RetryOn, NumRetries: 1 } } }),
      header,
    )
    return model.outbound.clusters.c?.retry?.statuses
  }
  t.same(await statusesFor('503, 409,gateway-error'), [409, 503])
  t.equal((await statusesFor('4xx,503'))?.length, 101)
  t.equal((await statusesFor(''))?.length, 100)
  const { model } = await loadGood(
    outboundOf([], { c: { RetryPolicy: { RetryOn: '5xx', NumRetries: 0 } } }),
    header,
  )
  t.equal(model.outbound.clusters.c?.retry, null)
})

test('a backlog is as many requests as it says, and 0 is none', async (t) => {
  const local = (Backlog?: number) => ({ RateLimit: { Local: { Requests: 1, StatTimeWindow: 1, Backlog } } })
  const rules = {
    r: {
      ...local(5),
      RouteRules: [
        { Path: '/a', Type: 'Exact', ...local(0) },
        { Path: '/b', Type: 'Exact', ...local(6) },
        { Path: '/c', Type: 'Exact', ...local() },
      ],
    },
  }
  const match = { Port: 80, Protocol: 'http', HttpHostPort2Service: { a: { RuleName: 'r' } } }
  const config = {
    AllowedEndpoints: { '10.0.0.0/8': '' },
    Inbound: { TrafficMatches: { 80: { ...match, HttpServiceRouteRules: rules } } },
  }
  const { model, warnings } = await loadGood(JSON.stringify(config), header)
  const service = model.inbound.ports[0]?.http?.hosts.a?.service
  t.same(service?.rateLimit?.backlog, { requests: 5, waitMs: 60_000 })
  t.same(
    service?.routes.map(({ rateLimit }) => rateLimit?.backlog?.requests ?? null),
    [null, 6, null],
  )
  t.same(warnings, [])
})

test('a split of nothing but failover clusters is taken as it is', async (t) => {
  const { model, warnings } = await loadGood(
    outboundOf(
      [
        {
          Port: 80,
          Protocol: 'http',
          HttpHostPort2Service: { a: { RuleName: 'r' } },
          HttpServiceRouteRules: {
            r: { RouteRules: [{ Path: '/', Type: 'Prefix', TargetClusters: { one: 0, two: 0 } }] },
          },
        },
      ],
      { one: {}, two: {} },
    ),
    header,
  )
  t.same(
    model.outbound.ports[0]?.http?.hosts.a?.service.routes[0]?.targets.map(({ weight }) => weight),
    [0, 0],
  )
  t.same(warnings, [])
})
