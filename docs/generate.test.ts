import { test } from 'tap'
import { makeDocuments } from './generate.ts'
import { tables } from './tables.ts'

test('the tables in the READMEs say what the code says', async (t) => {
  for (const { path, isCurrent } of makeDocuments()) t.ok(isCurrent, `${path} is what npm run docs makes it`)
})

test('every table stands in a README', async (t) => {
  const placed = new Set(makeDocuments().flatMap((document) => document.tables))
  t.strictSame(
    Object.keys(tables).filter((name) => !placed.has(name)),
    [],
  )
})
