import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { newFolder } from '../support/process.ts'
import { assertRefused } from '../support/refused.ts'

/** Each line with a fault ends with a comment: the column, the path and the reason. */
const wrongYaml = `
sidecar: { name: 5, label: {} } # 18 sidecar.name: is 5: expected text; 21 sidecar.label: there is no such key; did you mean labels?
worker: 2 # 1 worker: there is no such key; did you mean workers?
inbound:
  - listen: nowhere # 13 inbound[0].listen: is "nowhere": expected host:port
    application: 127.0.0.1:99999 # 18 inbound[0].application: is "127.0.0.1:99999": expected host:port
    protocol: htp # 15 inbound[0].protocol: is "htp": expected http, grpc, tcp, tcp-server-first or https; did you mean http?
  - listen: 127.0.0.1:0
    application: 127.0.0.1:1
    rateLimit: { requests: few, headers: { "a b": c } } # 28 inbound[1].rateLimit.requests: is "few": expected a whole number; 44 inbound[1].rateLimit.headers["a b"]: the key is "a b"
    routes:
      - timeout: soon # 18 inbound[1].routes[0].timeout: is "soon": expected a duration
        methods: GET # 18 inbound[1].routes[0].methods: is "GET": expected a list
      - pat: /x # 9 inbound[1].routes[1].pat: there is no such key; did you mean path?
      - headers: { x: "(" } # 23 inbound[1].routes[2].headers.x: is "(": Invalid regular expression
outbound:
  listen: 127.0.0.1:0
  services:
    - name: stock
      endpoints: [127.0.0.1:1, { address: "127.0.0.1:2", weight: heavy }] # 66 outbound.services[0].endpoints[1].weight: is "heavy": expected a whole number
      retry: { retries: 1000 } # 25 outbound.services[0].retry.retries: is 1000: expected a whole number from 1 to 100
    - { endpoints: ["127.0.0.1:1"] } # 7 outbound.services[1].name: is missing
limits: { head: 5 apples } # 17 limits.head: is "5 apples": expected a size
chains: { inbound-http: { http-routin: 5 } } # 27 chains.inbound-http.http-routin: is "http-routin": expected one of tls-termination, http-routing,
accessLog: { sample: 2 } # 22 accessLog.sample: is 2: expected a number from 0 to 1
logLevel: loud # 11 logLevel: is "loud": expected debug, info, warn or error
`

/** What the comments in {@link wrongYaml} say, as beginnings of lines. */
function announced(file: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const comment = line.split(' # ')[1]
    if (!comment) return []
    return comment.split(/; (?=\d)/).map((fault) => {
      const [, column, rest] = /^(\d+) (.*)$/.exec(fault) ?? []
      return `${file}:${index + 1}:${column}: ${rest}`
    })
  })
}

const beginning = (text: string): RegExp => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`)

test('every fault of a YAML is told, each in a line with its place, by run and validate alike', async (t) => {
  await using folder = await newFolder()
  const file = await folder.write('wrong.yaml', wrongYaml)
  const lines = announced(file, wrongYaml).map(beginning)
  for (const command of ['validate', 'run']) await assertRefused(t, [command, '-c', file], lines)
})

const wrongFsm = `{
  "Spec": { "Traffic": { "EnableEgress": "yes" }, "SidecarTimeout": "soon" },
  "Inbound": {
    "TrafficMatches": {
      "eighty": { "Port": 80, "Protocol": "http" },
      "8080": { "Port": "9000", "Protocol": "htp", "HttpHostPort2Service": { "cart": { "RuleName": 5 } } },
      "7001": { "Port": 70000, "Protocol": "tcp", "TcpServiceRouteRules": { "TargetClusters": { "x": -1 } } }
    },
    "ClustersConfigs": { "x": { "nowhere": 100 } }
  },
  "Unheard": { "Of": true },
  "AllowedEndpoints": { "10.0.0.0/40": "" }
}`

test("every fault of FSM's config is told, each in a line with its place; keys that are new to us are warned of", async (t) => {
  await using folder = await newFolder()
  const file = await folder.write('config.json', wrongFsm)
  const matches = 'Inbound.TrafficMatches'
  const faults = [
    ':2:42: Spec.Traffic.EnableEgress: is "yes": expected true or false',
    ':2:69: Spec.SidecarTimeout: is "soon": expected a number',
    `:5:7: ${matches}.eighty: the key is "eighty": expected a port number`,
    `:6:25: ${matches}.8080.Port: is "9000": expected a whole number`,
    `:6:45: ${matches}.8080.Protocol: is "htp": expected http, grpc, tcp, tcp-server-first or https`,
    `:6:100: ${matches}.8080.HttpHostPort2Service.cart.RuleName: is 5: expected text`,
    `:7:25: ${matches}.7001.Port: is 70000: expected a whole number from 0 to 65535`,
    `:7:102: ${matches}.7001.TcpServiceRouteRules.TargetClusters.x: is -1: expected a number`,
    ':9:33: Inbound.ClustersConfigs.x.nowhere: is "nowhere": expected host:port',
    ':12:25: AllowedEndpoints["10.0.0.0/40"]: the key is "10.0.0.0/40": expected an IP address',
  ]
  const lines = ['--original-destination: is missing', ...faults.map((fault) => `${file}${fault}`)]
  const warnings = [/"level":"warn".*1 unknown key is ignored: Unheard/, /"level":"warn".*AllowedEndpoints/]
  await assertRefused(t, ['run', '-c', file], [...warnings, ...lines.map(beginning)])
})

test('missing variables and secrets that cannot be read are told where they are asked for', async (t) => {
  await using folder = await newFolder()
  await writeFile(join(folder.path, 'empty-secret'), '\n')
  const unreadable = join(folder.path, 'unreadable-secret')
  await writeFile(unreadable, 'hidden')
  await chmod(unreadable, 0)
  const secrets = [
    ['missing-secret', 'cannot be read: no such file'],
    ['.', 'is a folder: expected a file'],
    ['empty-secret', 'is empty: expected a secret'],
    // root may read anything
    ...(process.getuid?.() === 0 ? [] : [['unreadable-secret', 'cannot be read: permission denied']]),
  ] as const
  for (const [name = '', reason = ''] of secrets) {
    const file = await folder.write(
      'secret.yaml',
      [
        `inbound: [{ listen: "127.0.0.1:\${PILLION_TEST_PORT}", application: "127.0.0.1:\${PILLION_TEST_OTHER:-1}" }]`,
        `admin: { address: 127.0.0.1:0, tokenFile: ${name} }`,
      ].join('\n'),
    )
    await assertRefused(
      t,
      ['run', '-c', file],
      [
        `${file}:1:21: inbound[0].listen: the environment variable PILLION_TEST_PORT is not set: set it, or write \${PILLION_TEST_PORT:-default}`,
        `${file}:2:43: admin.tokenFile: ${join(folder.path, name)} ${reason}`,
      ],
    )
  }
})

test('templates of the access log that name nothing are told with their places', async (t) => {
  await using folder = await newFolder()
  const text = [
    'inbound: [{ listen: "127.0.0.1:0", application: "127.0.0.1:1" }]',
    'accessLog: { fields: { x: "%{nonsense}", y: "%{status}", z: "%{" } }',
  ]
  const file = await folder.write('templates.yaml', text.join('\n'))
  for (const command of ['validate', 'run']) {
    await assertRefused(
      t,
      [command, '-c', file],
      [beginning(`${file}:2:27: accessLog.fields.x: `), beginning(`${file}:2:61: accessLog.fields.z: `)],
    )
  }
})
