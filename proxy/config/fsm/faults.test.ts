import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { loadGood, loadText } from '../testing/config-file.ts'

const example = readFileSync(new URL('../testing/worked-example.json', import.meta.url), 'utf8')
const header = { originalDestination: 'header' }

/** An outbound config with these matches for port 80. */
const outboundOf = (matches: readonly unknown[], clusters: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ Outbound: { TrafficMatches: { 80: matches }, ClustersConfigs: clusters } })

test('unknown keys are counted in one warning and change nothing', async (t) => {
  const { settings, warnings } = await loadText(
    '{"Foo":1,\n "Spec":{"Bar":{"deep":[]},"Traffic":{"Baz":null}}}',
    header,
  )
  t.ok(settings)
  t.match(warnings, [
    'FILE:1:1: has neither Inbound nor Outbound: nothing is listened on',
    'FILE:1:2: Foo: 3 unknown keys are ignored: Foo, Spec.Bar, Spec.Traffic.Baz',
  ])
})

test('JSON that is no config of FSM is refused, an empty one is not', async (t) => {
  const { faults } = await loadText('{"name":"x","version":"1"}', header)
  t.match(faults, [
    'FILE:1:1: is no config of FSM: expected `Spec`, `Inbound` or `Outbound` in it, or our YAML',
  ])
  t.ok((await loadText('{}', header)).settings)
})

test('what rules name but nobody describes is a warning, and has no endpoints', async (t) => {
  const { settings, warnings } = await loadText(
    outboundOf([
      {
        Port: 80,
        Protocol: 'http',
        HttpHostPort2Service: { a: { RuleName: 'r' }, b: { RuleName: 'gone' } },
        HttpServiceRouteRules: {
          r: { RouteRules: [{ Path: '/', Type: 'Prefix', TargetClusters: { nowhere: 1 } }] },
        },
      },
    ]),
    header,
  )
  t.same(settings?.model.outbound.clusters.nowhere?.endpoints, [])
  t.same(Object.keys(settings?.model.outbound.ports[0]?.http?.hosts ?? {}), ['a'])
  t.equal(warnings.length, 2)
})

test('keys such as __proto__ and constructor do no harm', async (t) => {
  const evil = `{"__proto__":{"polluted":1},"Spec":{"__proto__":{"EnableEgress":true}},"Outbound":{"__proto__":null,
    "ClustersConfigs":{"__proto__":{"Endpoints":{}},"constructor":{"Endpoints":{"1.2.3.4:5":{"Weight":1}}}},
    "TrafficMatches":{"80":[{"Port":80,"Protocol":"http","HttpHostPort2Service":{"__proto__":{"RuleName":"r"},"tostring":{"RuleName":"toString"}}}]}}}`
  const { model } = await loadGood(evil, header)
  t.equal(({} as { polluted?: number }).polluted, undefined)
  t.same(Object.keys(model.outbound.clusters), ['constructor'])
  t.equal(Object.getPrototypeOf(model.outbound.clusters), Object.prototype)
  t.same(model.outbound.ports[0]?.http?.hosts, {})
  t.notMatch(JSON.stringify(model.script), '__proto__')
})

test('nobody is let in where nobody is listed', async (t) => {
  const { settings, warnings } = await loadText(
    '{"Inbound":{"TrafficMatches":{"80":{"Port":80,"Protocol":"tcp"}}}}',
    {
      originalDestination: 'proxy-protocol',
    },
  )
  t.same(settings?.model.inbound.allowedSources, [])
  t.match(warnings.join(), 'no inbound connection is let in')
})

test('every fault of an FSM config has its line and column', async (t) => {
  const config = `{ "Spec": { "SidecarTimeout": "60", "Traffic": [] },
  "Inbound": { "TrafficMatches": {
    "8080": { "Protocol": "htp", "Port": 70000 },
    "x": {},
    "81": { "Port": 81, "Protocol": "http", "SourceIPRanges": { "10.0.0.0/33": null },
      "RateLimit": { "Local": { "Connections": 5 } },
      "HttpServiceRouteRules": { "a.b": { "RouteRules": [ { "Path": "(", "Type": "Regex" }, { "Type": "Glob" } ] } } } },
    "ClustersConfigs": { "c": { "nowhere": 100 }, "d": { "127.0.0.1:1": -1 } } },
  "Outbound": { "ClustersConfigs": { "e": { "Endpoints": { "1.1.1.1:1": { "Weight": 1, "ViaGateway": "g" } } } } },
  "AllowedEndpoints": { "10.0.0": "" },
  "Chains": { "inbound-tcp": "x" } }`
  const { faults } = await loadText(config, header)
  t.same(faults, [
    'FILE:1:31: Spec.SidecarTimeout: is "60": expected a number from 0 to 2000000',
    'FILE:1:48: Spec.Traffic: is a list: expected an object',
    'FILE:3:27: Inbound.TrafficMatches.8080.Protocol: is "htp": expected http, grpc, tcp, tcp-server-first or https; did you mean http?',
    'FILE:3:42: Inbound.TrafficMatches.8080.Port: is 70000: expected a whole number from 0 to 65535',
    'FILE:4:5: Inbound.TrafficMatches.x: the key is "x": expected a port number',
    'FILE:5:65: Inbound.TrafficMatches.81.SourceIPRanges["10.0.0.0/33"]: the key is "10.0.0.0/33": expected an IP address or a range such as 10.0.0.0/8',
    'FILE:6:31: Inbound.TrafficMatches.81.RateLimit.Local.StatTimeWindow: is missing',
    'FILE:7:69: Inbound.TrafficMatches.81.HttpServiceRouteRules["a.b"].RouteRules[0].Path: is "(": Invalid regular expression: /(/: Unterminated group',
    'FILE:7:93: Inbound.TrafficMatches.81.HttpServiceRouteRules["a.b"].RouteRules[1].Path: is missing',
    'FILE:7:103: Inbound.TrafficMatches.81.HttpServiceRouteRules["a.b"].RouteRules[1].Type: is "Glob": expected Regex, Exact or Prefix',
    'FILE:8:33: Inbound.ClustersConfigs.c.nowhere: is "nowhere": expected host:port, such as 127.0.0.1:8080 or [::1]:8080',
    'FILE:8:73: Inbound.ClustersConfigs.d["127.0.0.1:1"]: is -1: expected a number from 0 to 4294967296',
    'FILE:9:102: Outbound.ClustersConfigs.e.Endpoints["1.1.1.1:1"].ViaGateway: is "g": expected host:port, such as 127.0.0.1:8080 or [::1]:8080',
    'FILE:10:25: AllowedEndpoints["10.0.0"]: the key is "10.0.0": expected an IP address or a range such as 10.0.0.0/8',
    'FILE:11:30: Chains.inbound-tcp: is "x": expected a list',
  ])
})

test('JSON that is none says where, whatever YAML would make of it', async (t) => {
  const faultOf = async (text: string) => (await loadText(text, header)).faults
  t.same(await faultOf('{"Spec": {\n  "a": 1,\n}}'), [
    'FILE:3:1: is not JSON: expected a key in double quotes, not "}"',
  ])
  t.same(await faultOf('{"Spec": nul}'), ['FILE:1:10: is not JSON: expected a value, not "n"'])
  t.same(await faultOf('{"Spec": {} # comment\n}'), ['FILE:1:13: is not JSON: expected , or }, not "#"'])
  t.same(await faultOf('{"Spec": {"a": \'b\'}}'), ['FILE:1:16: is not JSON: expected a value, not "\'"'])
  t.same(await faultOf('{"Spec": {"a": "b'), ['FILE:1:16: is not JSON: a string is not closed'])
  t.same(await faultOf('{"Spec": {}} {}'), ['FILE:1:14: is not JSON: expected the end of the file, not "{"'])
})

test('FSM names no listeners, so flags must say how destinations are learnt', async (t) => {
  t.match((await loadText(example)).faults, [/^--original-destination: is missing: .*pass header/])
  t.match((await loadText(example, { originalDestination: 'listener' })).faults, [
    /^--original-destination: is "listener", and the config has 2 inbound ports: expected exactly one/,
    /^--original-destination: is "listener", and the config has 2 outbound ports/,
  ])
  const one = '{"Inbound":{"TrafficMatches":{"80":{"Port":80,"Protocol":"tcp"}}}}'
  const { model } = await loadGood(one, {
    originalDestination: 'listener',
    inbound: ['127.0.0.1:0', '[::1]:15003'],
  })
  t.same(
    model.listeners.map(({ host, port, rule }) => [host, port, rule]),
    [
      ['127.0.0.1', 0, 0],
      ['::1', 15_003, 0],
    ],
  )
})

test('two listeners on one address are a fault', async (t) => {
  const { faults } = await loadText('{"Outbound":{}}', { ...header, outbound: ['127.0.0.1:15010'] })
  t.same(faults, ['--metrics: is "127.0.0.1:15010", where something else listens already (127.0.0.1:15010)'])
})

test('TLS that is asked for and not there yet is told, port by port and cluster by cluster', async (t) => {
  const config = `{ "Certificate": { "CertChain": "c" },
  "AllowedEndpoints": { "10.0.0.0/8": "" },
  "Inbound": { "TrafficMatches": {
    "80": { "Port": 80, "Protocol": "tcp", "SourceIPRanges": { "10.0.0.0/8": null,
      "10.1.0.0/16": { "mTLS": true }, "10.2.0.0/16": { "mTLS": true } } },
    "81": { "Port": 81, "Protocol": "tcp", "SourceIPRanges": {
      "10.1.0.0/16": { "mTLS": false, "AuthenticatedPrincipals": ["a.b"] } } },
    "82": { "Port": 82, "Protocol": "tcp", "SourceIPRanges": {
      "10.1.0.0/16": { "mTLS": false, "AuthenticatedPrincipals": [] } } } } },
  "Outbound": { "TrafficMatches": { "90": [ { "Port": 90, "Protocol": "tcp", "DestinationIPRanges": {
      "10.3.0.0/16": { "SourceCert": { "FsmIssued": true } } } } ] },
    "ClustersConfigs": { "a": { "SourceCert": { "CertChain": "c" } }, "b": { "SourceCert": null } } } }`
  const { faults, warnings } = await loadText(config, { originalDestination: 'proxy-protocol' })
  t.same(faults, [])
  const inbound =
    'asks for TLS, which is not there yet: the traffic is carried in plain text, and nobody is checked'
  const outbound = 'asks for TLS, which is not there yet: the traffic is carried in plain text'
  t.same(warnings, [
    `FILE:5:22: Inbound.TrafficMatches.80.SourceIPRanges["10.1.0.0/16"]: ${inbound}`,
    `FILE:7:22: Inbound.TrafficMatches.81.SourceIPRanges["10.1.0.0/16"]: ${inbound}`,
    `FILE:11:38: Outbound.TrafficMatches.90[0].DestinationIPRanges["10.3.0.0/16"].SourceCert: ${outbound}`,
    `FILE:12:47: Outbound.ClustersConfigs.a.SourceCert: ${outbound}`,
  ])
})

test('the worked example, whose sidecar only has a certificate, is not warned of TLS', async (t) => {
  t.notMatch((await loadText(example, header)).warnings.join('\n'), /TLS/)
})
