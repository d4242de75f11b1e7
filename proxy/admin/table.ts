/**
 * Plain data as a person reads it: a list of objects becomes a table, an
 * object of lists one table for each key below its plain values, and anything
 * else JSON.
 */
export function readable(value: unknown): string {
  if (isRows(value)) return table(value)
  if (isObject(value)) {
    const entries = Object.entries(value)
    const tables = entries.flatMap(([name, rows]) => (isRows(rows) ? [{ name, rows }] : []))
    const plain = entries.filter(([, item]) => typeof item !== 'object' || item === null)
    if (tables.length > 0 && tables.length + plain.length === entries.length) {
      const sections = tables.map(({ name, rows }) => `${cell(name)}\n${indent(table(rows))}`)
      return [...(plain.length > 0 ? [aligned(plain)] : []), ...sections].join('\n')
    }
  }
  return `${JSON.stringify(value, null, 2)}\n`
}

type Row = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): value is string => typeof value === 'string'

const isRows = (value: unknown): value is readonly Row[] => Array.isArray(value) && value.every(isObject)

const indent = (text: string): string => text.replace(/^(?=.)/gm, '  ')

/** Rows within a row have a line each, with what they belong to beside them; texts within a row stand below it. */
function table(rows: readonly Row[]): string {
  if (rows.length === 0) return '(none)\n'
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const isListOf = (isItem: (item: unknown) => boolean) => (name: string) =>
    rows.every((row) => row[name] === undefined || listAt(row, name)?.every(isItem))
  const texts = new Set(names.filter(isListOf(isText)))
  const inner = new Set(names.filter((name) => !texts.has(name) && isListOf(isObject)(name)))
  const columns = names.flatMap((name) => {
    if (texts.has(name)) return []
    return inner.has(name) ? innerColumns(rows, name) : [{ title: name, at: (row: Row) => row[name] }]
  })
  const notes = new Map<number, string>()
  const lines: unknown[][] = [columns.map(({ title }) => title)]
  for (const row of rows) {
    const count = Math.max(1, ...[...inner].map((name) => listAt(row, name)?.length ?? 0))
    for (let line = 0; line < count; line += 1) lines.push(columns.map(({ at }) => at(row, line)))
    const below = [...texts].flatMap((name) => listAt(row, name) ?? []).map((text) => `  ${cell(text)}\n`)
    notes.set(lines.length - 1, below.join(''))
  }
  return aligned(lines, (line) => notes.get(line) ?? '')
}

interface Column {
  readonly title: string
  /** The value in a line of a row; a row has one line, or one for each row within it. */
  readonly at: (row: Row, line: number) => unknown
}

function innerColumns(rows: readonly Row[], name: string): readonly Column[] {
  const within = (row: Row, line: number): Row => (listAt(row, name)?.[line] ?? {}) as Row
  const keys = new Set(
    rows.flatMap((row) => listAt(row, name) ?? []).flatMap((item) => Object.keys(item as Row)),
  )
  return [...keys].map((key) => ({ title: `${name}.${key}`, at: (row, line) => within(row, line)[key] }))
}

function listAt(row: Row, name: string): readonly unknown[] | null {
  const value = row[name]
  return Array.isArray(value) ? value : null
}

/** Lines whose columns are in line, each with what stands below it. */
function aligned(lines: readonly (readonly unknown[])[], below: (line: number) => string = () => ''): string {
  const cells = lines.map((line) => line.map(cell))
  const widths = (cells[0] ?? []).map((_, column) =>
    cells.reduce((most, line) => Math.max(most, line[column]?.length ?? 0), 0),
  )
  return cells
    .map((line, index) => {
      const text = line.map((item, column) => item.padEnd(widths[column] ?? 0)).join('  ')
      return `${text.trimEnd()}\n${below(index)}`
    })
    .join('')
}

/** One line, and nothing that a terminal would act on. */
function cell(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-'
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.replace(/\p{C}|\p{Zl}|\p{Zp}/gu, '?')
}
