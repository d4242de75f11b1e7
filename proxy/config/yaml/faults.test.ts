import { test } from 'tap'
import { loadGood, loadText } from '../testing/config-file.ts'

test('every fault of a YAML config is told at once, with its line and column', async (t) => {
  const { faults } = await loadText(`sidecr: {}
sidecar: { labels: { version: 1.0 } }
inbound:
  - listn: 127.0.0.1:15003
    protocol: htp
    application: 127.0.0.1
  - listen: 127.0.0.1:15003
    originalDestination: redirect
outbound:
  listen: 127.0.0.1:15003
  services:
    - name: stock
      hosts: [stock, "bad host"]
      clusters: { v1: { endpoints: ["127.0.0.1:8081", "127.0.0.1:8081"] }, v2: { endpoints: [] } }
      routes:
        - path: { prefix: /a, exact: /b }
          headers: { x: "(" }
        - timeout: 5
          cluster: v9
        - split: { v1: 90, v3: 10 }
          rateLimit: { requests: -1, per: 0 }
      circuitBreaker: {}
    - { name: ledger, protocol: tcp, hosts: [a], endpoints: ["127.0.0.1:1"] }
    - { name: stock, hosts: [Stock], balancing: { hashHeader: x }, ports: [0], endpoints: ["[::1:1"] }
    - { name: nowhere }
    - endpoints: ["a:1"]
chains: { inbound-http: { routing: 1 }, outbound-tcp: [plugins/x.js, plugins/x.js, foo], inbound: {} }
timeouts: { connect: 5 seconds, idle: 40d }
limits: { head: 1kb }
accessLog: { sample: 2 }
metrics: 127.0.0.1:99999
`)
  t.same(faults, [
    'FILE:1:1: sidecr: there is no such key; did you mean sidecar?',
    'FILE:2:31: sidecar.labels.version: is 1: expected text; write it in quotes if text is meant',
    'FILE:4:5: inbound[0].listn: there is no such key; did you mean listen?',
    'FILE:5:15: inbound[0].protocol: is "htp": expected http, grpc, tcp, tcp-server-first or https; did you mean http?',
    'FILE:6:18: inbound[0].application: is "127.0.0.1": expected host:port, such as 127.0.0.1:8080 or [::1]:8080',
    'FILE:7:5: inbound[1]: needs `application`: the address of the application, such as 127.0.0.1:8080',
    'FILE:8:26: inbound[1].originalDestination: is "redirect": expected listener, header or proxy-protocol',
    'FILE:10:11: outbound.listen: is "127.0.0.1:15003", where something else listens already (127.0.0.1:15003)',
    'FILE:13:22: outbound.services[0].hosts[1]: is "bad host": expected a host, host:port, *.domain or *',
    'FILE:14:55: outbound.services[0].clusters.v1.endpoints[1]: is "127.0.0.1:8081", which is in the list already',
    'FILE:16:11: outbound.services[0].routes[0]: must say by `split` or `cluster` which cluster is meant: v1 or v2',
    'FILE:16:17: outbound.services[0].routes[0].path: expected one of exact, prefix and regex',
    'FILE:17:25: outbound.services[0].routes[0].headers.x: is "(": Invalid regular expression: /(/: Unterminated group',
    'FILE:18:20: outbound.services[0].routes[1].timeout: is 5: has no unit: expected a duration such as 200ms, 5s or 1m',
    'FILE:19:20: outbound.services[0].routes[1].cluster: is "v9", which is no cluster of this service: expected v1 or v2; did you mean v1?',
    'FILE:20:28: outbound.services[0].routes[2].split.v3: is "v3", which is no cluster of this service: expected v1 or v2; did you mean v1?',
    'FILE:21:34: outbound.services[0].routes[2].rateLimit.requests: is -1: expected a whole number from 0 up',
    'FILE:22:23: outbound.services[0].circuitBreaker: never opens: expected errorRatio, errorAmount, slowRatio or slowAmount',
    'FILE:23:7: outbound.services[1]: needs a `listen` of its own: tcp names no host to tell services apart by',
    'FILE:23:38: outbound.services[1].hosts: has no meaning for protocol tcp: only for http and grpc',
    'FILE:24:15: outbound.services[2].name: is "stock", which another service is called',
    'FILE:24:30: outbound.services[2].hosts[0]: is "stock", a host of "stock" already',
    'FILE:24:63: outbound.services[2].balancing.hashHeader: has a meaning only with policy: ring-hash',
    'FILE:24:68: outbound.services[2].ports: has no meaning with originalDestination: listener: the destination is not looked at',
    'FILE:24:76: outbound.services[2].ports[0]: is 0: expected a whole number from 1 to 65535',
    'FILE:24:92: outbound.services[2].endpoints[0]: is "[::1:1": expected host:port, such as 127.0.0.1:8080 or [::1]:8080',
    'FILE:25:7: outbound.services[3]: needs `endpoints` or `clusters`: where it runs',
    'FILE:26:7: outbound.services[4].name: is missing',
    'FILE:27:27: chains.inbound-http.routing: is "routing": expected one of tls-termination, http-routing, metrics, tracing, access-logging, throttle-service, throttle-route, circuit-breaker, retry, load-balancing, fallback, or plugins/NAME.js',
    'FILE:27:70: chains.outbound-tcp[1]: is "plugins/x.js", which is in the list already',
    'FILE:27:84: chains.outbound-tcp[2]: is "foo": expected one of metrics, access-logging, tcp-routing, load-balancing, fallback, or plugins/NAME.js',
    'FILE:27:90: chains.inbound: there is no such key: expected inbound-tcp, inbound-http, outbound-tcp or outbound-http',
    'FILE:28:22: timeouts.connect: is "5 seconds": expected a duration such as 200ms, 5s or 1m',
    'FILE:28:39: timeouts.idle: is "40d": expected a duration such as 200ms, 5s or 1m',
    'FILE:29:17: limits.head: is "1kb": expected a size such as 8KiB or 1MiB, or a number of bytes',
    'FILE:30:22: accessLog.sample: is 2: expected a number from 0 to 1',
    'FILE:31:10: metrics: is "127.0.0.1:99999": expected host:port, such as 127.0.0.1:8080, or off',
  ])
})

test('listeners must be known, and know what they serve', async (t) => {
  const faultsOf = async (text: string) => (await loadText(text)).faults
  t.match(await faultsOf('outbound: {}'), [
    'FILE:1:11: outbound: needs `listen`: an address such as 127.0.0.1:15001',
  ])
  t.match(await faultsOf('outbound: { services: [{ name: a, endpoints: ["a:1"] }] }'), [
    'FILE:1:24: outbound.services[0]: needs `listen`, here or in `outbound`',
  ])
  t.match(await faultsOf('outbound: { listen: "127.0.0.1:1", egress: true }'), [
    /outbound\.listen: has nothing to serve/,
    /outbound\.egress: needs to know where connections were going/,
  ])
  t.match(await faultsOf('originalDestination: header\ninbound: [{ application: "a:1" }]'), [
    'FILE:2:11: inbound[0]: needs `listen`: an address such as 0.0.0.0:15003',
  ])
})

test('where the destination decides, rules for the same one are a fault', async (t) => {
  const { faults } = await loadText(`originalDestination: proxy-protocol
inbound:
  - { listen: "127.0.0.1:1", port: 80, application: "127.0.0.1:9" }
  - { listen: "127.0.0.1:1", port: 80, application: "127.0.0.1:8" }
outbound:
  listen: 127.0.0.1:2
  services:
    - { name: a, ports: [80], endpoints: ["a:1"] }
    - { name: b, ports: [80], endpoints: ["b:1"] }
    - { name: c, ports: [80], protocol: tcp, endpoints: ["c:1"] }
    - { name: d, ports: [80], protocol: tcp, addresses: [10.0.0.1], endpoints: ["d:1"] }
`)
  t.match(faults, [
    /^FILE:4:5: inbound\[1\]: is for port 80, and so is inbound-80 before it/,
    /^FILE:10:7: outbound\.services\[2\]: is for port 80 of the same destinations as "a" \(http\)/,
  ])
})

test('a port that cannot learn its destination from a header is a warning', async (t) => {
  const { warnings } = await loadText(`originalDestination: header
outbound: { listen: "127.0.0.1:2", services: [{ name: db, protocol: tcp, ports: [5432], endpoints: ["db:5432"] }] }
`)
  t.match(warnings, [/^FILE:2:47: outbound\.services\[0\]: speaks tcp, which has no headers/])
})

test('a cluster may be called by the name of its service', async (t) => {
  const { model } = await loadGood(`outbound:
  listen: 127.0.0.1:2
  services:
    - name: a
      endpoints: ["a:1"]
      clusters: { canary: { endpoints: ["a:2"] } }
      routes: [{ path: /x, cluster: a }, { path: /y, cluster: canary }, { path: /z }]
`)
  const routes = model.outbound.ports[0]?.http?.hosts.a?.service.routes
  t.same(
    routes?.map((route) => route.targets[0]?.cluster),
    ['a', 'a|canary', 'a'],
  )
})
