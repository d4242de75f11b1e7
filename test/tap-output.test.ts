import { test } from 'tap'
import { readTap } from './tap-output.ts'

const output = `TAP version 14
# Subtest: good
    ok 1 - one
    1..1
ok 1 - good # time=1.2ms

# Subtest: bad
    ok 1 - fine
printed by the test
    not ok 2 - numbers
      ---
      diff: |
        -2
        +1
      ...
    1..2
    # failed 1 of 2 tests
not ok 2 - bad # time=3ms
  ---
  at: a line
  ...

# Subtest: later
    1..0 # no time
ok 3 - later # SKIP no time
ok 4 - flat
not ok 5 - thrown outside of a test
  ---
  stack: here
  ...
1..5
`

test('the tests of a file are counted, not the assertions in them', async (t) => {
  const { passed, failed, skipped } = readTap(output)
  t.strictSame({ passed, failed, skipped }, { passed: 2, failed: 2, skipped: 1 })
})

test('a failing test is shown in full, without what passed in it or beside it', async (t) => {
  const [bad = '', thrown = '', ...rest] = readTap(output).failures
  t.strictSame(rest, [])
  for (const part of ['# Subtest: bad', 'printed by the test', 'not ok 2 - numbers', '+1', 'at: a line']) {
    t.match(bad, part)
  }
  t.notMatch(bad, /fine|good|later/)
  t.match(thrown, /^not ok 5[\s\S]*stack: here/)
})

test('output without a result counts as nothing', async (t) => {
  t.strictSame(readTap('hello\n'), { passed: 0, failed: 0, skipped: 0, failures: [] })
})

test('a test that runs others at once is one test', async (t) => {
  const buffered = 'ok 1 - both # time=2ms {\n    ok 1 - a\n    not ok 2 - b\n    1..2\n}\n\n1..1\n'
  t.match(readTap(buffered), { passed: 1, failed: 0 })
})
