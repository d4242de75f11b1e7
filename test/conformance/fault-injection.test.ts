import { test } from 'tap'
import { Application } from '../support/application.ts'
import { keptConnections, type Question } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { manifest, startPod } from './pod.ts'

const name = 'http-fault-injection'
const fault = (value: number, more: object) => ({ percentage: { value }, ...more })
const abort = (value: number) => ({ abort: fault(value, { httpStatus: 400 }) })
const delay = (value: number, fixedDelay: string) => ({ delay: fault(value, { fixedDelay }) })

/** Service → its faults. */
const faults: Readonly<Record<string, object>> = {
  slow: delay(1, '2s'),
  seconds: delay(1, '1'),
  aborted: abort(1),
  both: { ...delay(1, '1s'), ...abort(1) },
  never: { ...delay(0, '5s'), ...abort(0) },
  half: abort(0.5),
}

const posted: Question = { method: 'POST', body: 'goods '.repeat(10_000) }

async function startFaulty(app: Application) {
  const configured = Object.entries(faults).map(
    ([service, config]) => [service, { address: app.address, plugins: { [name]: config } }] as const,
  )
  const pod = await startPod({
    direction: 'inbound',
    services: { ...Object.fromEntries(configured), plain: { address: app.address } },
    mounted: { [name]: 165 },
    files: await manifest(name),
  })
  return {
    ...pod,
    /** Sends one request and tells what came of it, and after how long. */
    async timed(service: string, question: Question = {}) {
      const begun = performance.now()
      const answer = await pod.ask(service, '/', question)
      return { ...answer, seconds: (performance.now() - begun) / 1_000 }
    },
  }
}

test('9: http-fault-injection', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await Application.start('shop', ({ method, body }, response) => {
    response.end(`${method} ${body}`)
  })
  await using pod = await startFaulty(app)
  t.beforeEach(() => void app.seen.splice(0))

  await t.test('a delay of "2s" holds every request for so long, and its body arrives whole', async (t) => {
    const [get, post] = await Promise.all([pod.timed('slow'), pod.timed('slow', posted)])
    t.equal(get.text, 'GET ')
    t.equal(post.text, `POST ${posted.body}`)
    for (const { seconds } of [get, post]) t.ok(seconds >= 2 && seconds < 4, `${seconds} s`)
    t.equal(app.seen.length, 2)
  })

  await t.test('a delay that is a number as text is in seconds', async (t) => {
    const { seconds, text } = await pod.timed('seconds', posted)
    t.equal(text, `POST ${posted.body}`)
    t.ok(seconds >= 1 && seconds < 3, `${seconds} s`)
  })

  await t.test('an abort is its status and no body, and the application is not asked', async (t) => {
    for (const question of [{}, posted]) {
      t.match(await pod.ask('aborted', '/', question), { status: 400, text: '' })
    }
    t.equal(app.seen.length, 0)
  })

  await t.test('with both, the abort comes after the delay', async (t) => {
    const { seconds, status, text } = await pod.timed('both', posted)
    t.strictSame({ status, text }, { status: 400, text: '' })
    t.ok(seconds >= 1 && seconds < 3, `${seconds} s`)
    t.equal(app.seen.length, 0)
  })

  await t.test('a percentage of 0, and a service without a config, are untouched', async (t) => {
    for (const service of ['never', 'plain']) {
      const { seconds, status, text } = await pod.timed(service, posted)
      t.strictSame({ status, text }, { status: 200, text: `POST ${posted.body}` })
      t.ok(seconds < 3, `${seconds} s`)
    }
  })

  await t.test('a percentage of 0.5 hits about every other request', async (t) => {
    using agent = keptConnections(8)
    const total = 1_000
    const statuses = await Promise.all(
      Array.from({ length: total }, async () => (await pod.ask('half', '/', { agent })).status),
    )
    const hits = statuses.filter((status) => status === 400).length
    // 5 % either way are three deviations, which chance alone leaves once in 600 runs; eight it never does
    t.ok(hits > 0.42 * total && hits < 0.58 * total, `${hits} of ${total}`)
    t.equal(app.seen.length, total - hits)
  })

  t.equal((await pod.plugin(name))?.errors, 0)
  await pod.assertIdle(t)
})
