import { configLimits } from '../defaults.ts'
import { looseFault, show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import { readTextFile } from '../source/read-file.ts'

/**
 * Reads the labels of the pod as Kubernetes' downward API writes them to a
 * file: `key="value"` on each line. Null when there is no such file, or when
 * it could not be read; that is reported.
 */
export async function readLabelsFile(
  file: string | undefined,
  faults: FaultList,
): Promise<Readonly<Record<string, string>> | null> {
  if (file === undefined) return null
  const read = await readTextFile(file, configLimits.maxLabelsFileBytes)
  if (!read.ok) {
    faults.addLoose(read.fault)
    return null
  }
  const labels: [string, string][] = []
  for (const [index, line] of read.text.split('\n').entries()) {
    if (line.trim() === '') continue
    const label = labelIn(line.trim())
    if (label) labels.push(label)
    else
      faults.addLoose({
        ...looseFault(file, `is ${show(line.trim())}: expected KEY="VALUE"`),
        line: index + 1,
        column: 1,
      })
  }
  return Object.fromEntries(labels)
}

function labelIn(line: string): [string, string] | null {
  const [, key, quoted] = /^([^\s="]{1,317})=("(?:[^"\\]|\\.)*")$/.exec(line) ?? []
  if (key === undefined || quoted === undefined || key === '__proto__') return null
  try {
    return [key, String(JSON.parse(quoted))]
  } catch {
    return null
  }
}
