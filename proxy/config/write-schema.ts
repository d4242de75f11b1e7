import { writeFileSync } from 'node:fs'
import { manifestsSchema } from './manifests/schema.ts'
import { sidecarSchema } from './yaml/schema.ts'

const folder = new URL('../../schema/', import.meta.url)

/** Writes the JSON Schemas anew, after a change of the shapes: run this, then the formatter. */
for (const [name, schema] of Object.entries({ sidecar: sidecarSchema(), manifests: manifestsSchema() }))
  writeFileSync(new URL(`${name}.schema.json`, folder), `${JSON.stringify(schema, null, 2)}\n`)
