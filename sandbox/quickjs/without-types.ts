import { stripTypeScriptTypes } from 'node:module'

/** Takes the types out of a module of a guest. Node runs the rest of this repository in the same way, but warns when it is asked for the text. */
export function withoutTypes(text: string): string {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return stripTypeScriptTypes(text)
  } finally {
    process.emitWarning = emitWarning
  }
}
