/**
 * Plain data as a person reads it: a list of objects becomes a table, an
 * object of lists one table for each key, and anything else JSON.
 */
export function readable(value: unknown): string {
  if (isRows(value)) return table(value)
  if (isObject(value)) {
    const entries = Object.entries(value)
    if (entries.length > 0 && entries.every(([, rows]) => isRows(rows))) {
      return entries
        .map(([name, rows]) => `${cell(name)}\n${indent(isRows(rows) ? table(rows) : '')}`)
        .join('\n')
    }
  }
  return `${JSON.stringify(value, null, 2)}\n`
}

type Row = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isRows = (value: unknown): value is readonly Row[] => Array.isArray(value) && value.every(isObject)

const indent = (text: string): string => text.replace(/^(?=.)/gm, '  ')

function table(rows: readonly Row[]): string {
  if (rows.length === 0) return '(none)\n'
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const lines = [columns.map(cell), ...rows.map((row) => columns.map((column) => cell(row[column])))]
  const widths = columns.map((_, index) =>
    lines.reduce((most, line) => Math.max(most, line[index]?.length ?? 0), 0),
  )
  const text = lines.map((line) =>
    line
      .map((item, index) => item.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return `${text.join('\n')}\n`
}

/** One line, and nothing that a terminal would act on. */
function cell(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-'
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.replace(/\p{C}|\p{Zl}|\p{Zp}/gu, '?')
}
