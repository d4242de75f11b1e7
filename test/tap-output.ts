/** What one test file said, in TAP. */
export interface TapResult {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** The failing tests in full, without the assertions in them that passed. */
  readonly failures: readonly string[]
}

interface Block {
  lines: string[]
  /** Null until the line with the result has come. */
  result: 'passed' | 'failed' | 'skipped' | null
}

/**
 * Reads the TAP that a test file printed. What is counted is the file's own
 * tests (`test('…')`), not the assertions in them. Output that is not TAP is
 * kept with the test in which it was printed.
 */
export function readTap(text: string): TapResult {
  const count = { passed: 0, failed: 0, skipped: 0 }
  const failures: string[] = []
  for (const { lines, result } of blocksOf(text)) {
    if (!result) continue
    count[result] += 1
    if (result === 'failed') failures.push(lines.filter(isWorthReading).join('\n').trim())
  }
  return { ...count, failures }
}

function blocksOf(text: string): Block[] {
  let block: Block = { lines: [], result: null }
  const blocks = [block]
  for (const line of text.split('\n')) {
    const result = resultOf(line)
    const isStart = line.startsWith('# Subtest: ') || (result !== null && block.result !== null)
    if (isStart && block.lines.length > 0) {
      block = { lines: [], result: null }
      blocks.push(block)
    }
    block.lines.push(line)
    if (result) block.result = result
  }
  return blocks
}

/** Only the lines of the file itself count: those of a test inside are indented. */
function resultOf(line: string): Block['result'] {
  const isOk = line.startsWith('ok ')
  if (!isOk && !line.startsWith('not ok ')) return null
  if (/ # (skip|todo)\b/i.test(line)) return 'skipped'
  return isOk ? 'passed' : 'failed'
}

function isWorthReading(line: string): boolean {
  return !/^\s+ok /.test(line) && !/^\s*(1\.\.\d+|# time=.*|TAP version \d+|)$/.test(line)
}
