import { test } from 'tap'
import { Application } from '../support/application.ts'
import type { Question } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { manifest, startPod } from './pod.ts'

const name = 'header-modifier'

const marks = (mark: string) => ({
  Type: 'RequestHeaderModifier',
  RequestHeaderModifier: { Set: [{ Name: 'x-rule', Value: mark }] },
})

const edits = {
  Set: [{ Name: 'x-set', Value: 'new' }],
  Add: [
    { Name: 'x-add', Value: 'more' },
    { Name: 'x-fresh', Value: 'first' },
  ],
  Remove: ['x-remove'],
}

const pluginConfig = {
  Matches: [
    { Path: { Type: 'Exact', Path: '/exact' }, Filters: [marks('exact')] },
    { Path: { Type: 'Prefix', Path: '/prefix' }, Filters: [marks('prefix')] },
    { Path: { Type: 'Regex', Path: '^/item/[0-9]+$' }, Filters: [marks('regex')] },
    { Path: { Type: 'Exact', Path: '/exact' }, Filters: [marks('never')] },
    {
      QueryParams: {
        version: { Type: 'Exact', Value: '2' },
        user: { Type: 'Regex', Value: '^a.+' },
      },
      Filters: [marks('query')],
    },
    { Headers: { 'x-team': { Type: 'Regex', Value: '^(core|edge)$' } }, Filters: [marks('headers')] },
    { Methods: ['PUT', 'PATCH'], Filters: [marks('methods')] },
    {
      Path: { Type: 'Prefix', Path: '/edit' },
      Filters: [
        { Type: 'RequestHeaderModifier', RequestHeaderModifier: edits },
        { Type: 'ResponseHeaderModifier', ResponseHeaderModifier: edits },
      ],
    },
  ],
}

async function start(app: Application) {
  return startPod({
    direction: 'inbound',
    services: {
      shop: { address: app.address, plugins: { [name]: pluginConfig } },
      plain: { address: app.address },
    },
    mounted: { [name]: 165 },
    files: await manifest(name),
  })
}

test('10: the first match decides, by path, query, header and method', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await Application.start('shop', ({ headers }, response) => {
    response.end(headers['x-rule'] ?? 'none')
  })
  await using pod = await start(app)
  const cases: readonly (readonly [rule: string, path: string, question?: Question])[] = [
    ['exact', '/exact'],
    ['exact', '/exact?version=2&user=ann'],
    ['none', '/exact/more'],
    ['prefix', '/prefix'],
    ['prefix', '/prefix/more'],
    ['none', '/prefixed'],
    ['regex', '/item/42'],
    ['none', '/item/x'],
    ['query', '/any?version=2&user=ann'],
    ['none', '/any?version=2&user=bob'],
    ['none', '/any?version=2'],
    ['headers', '/any', { headers: { 'x-team': 'edge' } }],
    ['none', '/any', { headers: { 'x-team': 'edges' } }],
    ['methods', '/any', { method: 'PUT', body: 'x' }],
    ['none', '/any', { method: 'POST', body: 'x' }],
  ]
  for (const [rule, path, question] of cases) {
    const sent = question?.method ?? JSON.stringify(question?.headers ?? '')
    t.equal((await pod.ask('shop', path, question)).text, rule, `${path} ${sent}`)
  }
  t.equal((await pod.ask('plain', '/exact')).text, 'none', 'another service has no config')
  await pod.assertIdle(t)
})

test('10: headers of requests and answers are set, added to and removed', async (t) => {
  await using _left = assertNothingLeft(t)
  const before = { 'x-set': 'old', 'x-add': 'some', 'x-remove': 'gone', 'x-kept': 'kept' }
  await using app = await Application.start('shop', (_request, response) => {
    response.writeHead(200, before).end('shop')
  })
  await using pod = await start(app)
  const answer = await pod.ask('shop', '/edit', { headers: before })
  for (const headers of [app.seen[0]?.headers ?? {}, answer.headers]) {
    t.match(headers, { 'x-set': 'new', 'x-add': 'some,more', 'x-fresh': 'first', 'x-kept': 'kept' })
    t.notOk('x-remove' in headers)
  }
  const untouched = await pod.ask('shop', '/', { headers: before })
  t.match(untouched.headers, before)
  t.match(app.seen[1]?.headers, before)
  await pod.assertIdle(t)
})
