import { writeFileSync } from 'node:fs'
import { sidecarSchema } from './yaml/schema.ts'

/** Writes the JSON Schema anew, after a change of the shapes: run this, then the formatter. */
writeFileSync(
  new URL('../../schema/sidecar.schema.json', import.meta.url),
  `${JSON.stringify(sidecarSchema(), null, 2)}\n`,
)
