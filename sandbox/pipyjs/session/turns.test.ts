import { test } from 'tap'
import { Turns } from './turns.ts'

function work(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('what fits into the time of a turn is done at once, and the rest in turns that follow, in order', async (t) => {
  using turns = new Turns(20)
  const done: number[] = []
  for (let index = 0; index < 7; index += 1) {
    turns.add(() => {
      work(8)
      done.push(index)
    })
  }
  t.ok(done.length >= 1 && done.length <= 3, `${done.length} at once`)
  while (done.length < 7) {
    const before = done.length
    await turn()
    t.ok(done.length - before <= 3)
  }
  t.same(done, [0, 1, 2, 3, 4, 5, 6])
})

test('what is added meanwhile waits for its turn, and nothing is done after the end', async (t) => {
  const turns = new Turns(1_000)
  const done: string[] = []
  turns.add(() => {
    turns.add(() => done.push('second'))
    done.push('first')
  })
  t.same(done, ['first', 'second'])
  turns.add(() => work(1_001))
  turns.add(() => done.push('late'))
  turns[Symbol.dispose]()
  await turn()
  await turn()
  t.same(done, ['first', 'second'])
})
