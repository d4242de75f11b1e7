import { test } from 'tap'
import { deferred } from '../../proxy/supervisor/deferred.ts'
import { type Answer, Application } from '../support/application.ts'
import { ask, keptConnections } from '../support/ask.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { first, runSidecar, type SidecarProcess } from '../support/process.ts'

/** Applications of these names, gone at the end of the stack. */
const startSome = (stack: AsyncDisposableStack, names: readonly string[], answer?: Answer) =>
  Promise.all(names.map(async (name) => stack.use(await Application.start(name, answer))))

const configOf = (
  applications: readonly Application[],
  balancing: string,
  weights: readonly number[] = [],
) => `
outbound:
  listen: 127.0.0.1:0
  services:
    - name: app
      balancing: ${balancing}
      endpoints:
${applications.map(({ address }, at) => `        - { address: "${address}", weight: ${weights[at] ?? 1} }`).join('\n')}
`

async function answerer(sidecar: SidecarProcess, headers: Record<string, string> = {}, parts: object = {}) {
  const { text } = await ask(first(sidecar.outbound), '/', { ...parts, headers: { host: 'app', ...headers } })
  return text
}

test('round robin shares requests out by weight', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const applications = await startSome(stack, ['a', 'b', 'c'])
  await using sidecar = await runSidecar(configOf(applications, 'round-robin', [5, 3, 2]))
  using agent = keptConnections(4)
  await Promise.all(Array.from({ length: 200 }, () => answerer(sidecar, {}, { agent })))
  t.strictSame(
    applications.map(({ seen }) => seen.length),
    [100, 60, 40],
  )
})

test('a ring hash by header sends each value to one endpoint, and moves few when one is gone', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const applications = await startSome(stack, ['a', 'b', 'c', 'd'])
  const balancing = '{ policy: ring-hash, hashHeader: X-User }'
  await using sidecar = await runSidecar(configOf(applications, balancing))
  const users = Array.from({ length: 80 }, (_, index) => `user-${index}`)
  using agent = keptConnections(4)
  const owners = () => Promise.all(users.map((user) => answerer(sidecar, { 'x-user': user }, { agent })))
  const before = await owners()
  t.strictSame(await owners(), before, 'the same again')
  t.strictSame([...new Set(before)].toSorted(), ['a', 'b', 'c', 'd'], 'all have a share')

  await sidecar.rewrite(configOf(applications.slice(0, 3), balancing))
  await sidecar.program.logged(/^generation 2 serves$/)
  const after = await owners()
  const moved = users.filter((_user, index) => before[index] !== 'd' && before[index] !== after[index])
  t.strictSame(moved, [], 'who was not with the one that is gone stays where he was')
  t.notOk(after.includes('d'))
})

test('least requests keeps away from an endpoint that is busy', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const { promise, resolve } = deferred<void>()
  const [busy] = await startSome(stack, ['busy'], async (_request, response) => {
    await promise
    response.end('busy')
  })
  const free = await startSome(stack, ['one', 'two'])
  if (!busy) throw new Error('it was started')
  await using sidecar = await runSidecar(configOf([busy, ...free], 'least-requests'))
  const all = [busy, ...free]
  // whose turn it is: one for each
  const asked = all.map(() => answerer(sidecar))
  await eventually(() => all.every(({ seen }) => seen.length === 1), 'each has one')
  for (let index = 0; index < 27; index += 1) t.not(await answerer(sidecar), 'busy')
  t.equal(busy.seen.length, 1, 'it gets no second request while it is at the first')
  t.equal((free[0]?.seen.length ?? 0) + (free[1]?.seen.length ?? 0), 29, 'the others get the rest')
  resolve()
  await Promise.all(asked)
})

test('a client connection keeps its endpoint where that is asked for, and chooses anew where not', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const applications = await startSome(stack, ['a', 'b', 'c'])
  await using sidecar = await runSidecar(
    configOf(applications, '{ policy: round-robin, sticky: connection }'),
  )
  const onOneConnection = async (): Promise<readonly string[]> => {
    using agent = keptConnections()
    const answers: string[] = []
    for (let index = 0; index < 6; index += 1) answers.push(await answerer(sidecar, {}, { agent }))
    return [...new Set(answers)]
  }
  const connections = [await onOneConnection(), await onOneConnection(), await onOneConnection()]
  for (const names of connections) t.equal(names.length, 1, 'one endpoint for one connection')
  t.equal(new Set(connections.flat()).size, 3, 'each of three connections gets another one')

  await sidecar.rewrite(configOf(applications, 'round-robin'))
  await sidecar.program.logged(/^generation 2 serves$/)
  t.equal((await onOneConnection()).length, 3, 'each request is for whose turn it is')
})

test('a split among clusters, and endpoints of weight 0, take over when the others fail', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const [broken] = await startSome(stack, ['broken'], (_request, response) => {
    response.writeHead(503).end('broken')
  })
  const [standby, elsewhere] = await startSome(stack, ['standby', 'elsewhere'])
  await using sidecar = await runSidecar(`
outbound:
  listen: 127.0.0.1:0
  services:
    - name: app
      endpoints: ["${broken?.address}", { address: "${standby?.address}", weight: 0, pathPrefix: /there }]
    - name: split
      clusters:
        first: { endpoints: ["${broken?.address}"] }
        second: { endpoints: ["${elsewhere?.address}"] }
      split: { first: 1, second: 0 }
`)
  const port = first(sidecar.outbound)
  t.match(await ask(port, '/x', { headers: { host: 'app' } }), { status: 200, text: 'standby' })
  t.equal(standby?.seen[0]?.path, '/there/x', 'the endpoint has a path of its own')
  t.match(await ask(port, '/x', { headers: { host: 'split' } }), { status: 200, text: 'elsewhere' })
  t.equal(elsewhere?.seen[0]?.path, '/x')
  // a body that can be sent again is
  const posted = { method: 'POST', body: 'twice', headers: { host: 'app' } }
  t.match(await ask(port, '/x', posted), { status: 200, text: 'standby' })
  t.strictSame([broken?.seen.at(-1)?.body, standby?.seen.at(-1)?.body], ['twice', 'twice'])
  t.equal(broken?.seen.length, 3, 'each was asked there first')
})
