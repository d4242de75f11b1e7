import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Fault, formatFault } from '../fault.ts'
import { loadConfig } from '../load.ts'
import type { ConfigFlags, Settings } from '../settings.ts'

/** What a load came to: settings, or the faults as they are printed, with `FILE` for the config's path. */
export interface Outcome {
  readonly settings: Settings | null
  readonly faults: readonly string[]
  readonly warnings: readonly string[]
}

const samplePlugins = fileURLToPath(new URL('plugins', import.meta.url))

/** Loads a config of this content from a file that is gone afterwards. Beside it are the samples of `plugins/`. */
export async function loadText(
  content: string | Uint8Array,
  flags: ConfigFlags = {},
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-config-'))
  const configFile = join(folder, 'config')
  const printed = (fault: Fault) => formatFault(fault).replaceAll(configFile, 'FILE')
  try {
    await writeFile(configFile, content)
    await cp(samplePlugins, join(folder, 'plugins'), { recursive: true })
    const loaded = await loadConfig({ configFile, flags, env })
    if (!loaded.ok) return { settings: null, faults: loaded.faults.map(printed), warnings: [] }
    return { settings: loaded.settings, faults: [], warnings: loaded.settings.warnings.map(printed) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** As {@link loadText}, for content that must be accepted. */
export async function loadGood(...args: Parameters<typeof loadText>): Promise<Settings> {
  const { settings, faults } = await loadText(...args)
  if (!settings) throw new Error(faults.join('\n'))
  return settings
}

/** Numbers from 0 to 1 that are the same in each run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A text with a few bytes cut, changed, doubled or put in. */
export function mutate(text: string, random: () => number): string {
  const at = Math.floor(random() * text.length)
  const glyphs = '{}[]:,"\'-#&*!|>%@`\\ \n\t$0a\u0000é'
  const glyph = glyphs[Math.floor(random() * glyphs.length)] ?? ''
  const length = 1 + Math.floor(random() * 8)
  switch (Math.floor(random() * 5)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text.slice(0, at) + text.slice(at + length)
    case 2:
      return text.slice(0, at) + glyph + text.slice(at + 1)
    case 3:
      return text.slice(0, at) + glyph + text.slice(at)
    default:
      return text.slice(0, at) + text.slice(at, at + length * 4) + text.slice(at)
  }
}
