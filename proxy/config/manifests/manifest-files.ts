import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { configLimits } from '../defaults.ts'
import { looseFault, type Path } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import { readTextFile, systemReason } from '../source/read-file.ts'
import { scriptExtension } from './script-file.ts'

/** A file or folder that is asked for, and where in the config; null for a flag. */
export interface AskedPath {
  readonly path: string
  readonly by: Path | null
}

/** A file that was read. */
export interface ManifestFile {
  readonly path: string
  /** Empty for a module: that is not text. */
  readonly text: string
  readonly is: 'manifest' | 'script' | 'module'
}

/** The files behind the paths that were asked for. */
export interface ManifestFiles {
  readonly files: readonly ManifestFile[]
  /** Files and folders whose change means another config. */
  readonly watched: readonly string[]
}

const manifestExtension = /\.(ya?ml|json)$/
/** Types and tests stand beside plugins and are none. */
const besideExtension = /\.(d|test)\.[^.]+$/
const expected = 'expected .yaml, .yml, .json, .js, .mjs, .ts or .mts'

/**
 * Reads manifests and scripts: files as they are asked for, and of folders all
 * that have a known ending, by name and without those in folders below.
 */
export async function readManifestFiles(
  asked: readonly AskedPath[],
  faults: FaultList,
): Promise<ManifestFiles> {
  const paths = new Map<string, string>()
  const watched = new Set<string>()
  for (const one of asked) {
    watched.add(one.path)
    for (const path of await filesAt(one, faults)) paths.set(resolve(path), path)
  }
  const files: ManifestFile[] = []
  let bytesLeft = configLimits.maxManifestsBytes
  for (const path of paths.values()) {
    watched.add(path)
    if (isModule(path)) {
      files.push({ path, text: '', is: 'module' })
      continue
    }
    const read = await readTextFile(path, configLimits.maxManifestBytes)
    if (!read.ok) {
      faults.addLoose(read.fault)
      continue
    }
    bytesLeft -= Buffer.byteLength(read.text)
    if (bytesLeft < 0) {
      const { maxManifestsBytes } = configLimits
      faults.addLoose(looseFault(path, `is one too many: at most ${maxManifestsBytes} bytes are read in all`))
      break
    }
    files.push({ path, text: read.text, is: scriptExtension.test(path) ? 'script' : 'manifest' })
  }
  return { files, watched: [...watched] }
}

async function filesAt({ path, by }: AskedPath, faults: FaultList): Promise<readonly string[]> {
  const refuse = (message: string): readonly string[] => {
    if (by) faults.add(by, `${path} ${message}`)
    else faults.addLoose(looseFault(path, message))
    return []
  }
  let names: readonly string[] | null
  try {
    names = (await stat(path)).isDirectory() ? await readdir(path) : null
  } catch (thrown) {
    return refuse(`cannot be read: ${systemReason(thrown)}`)
  }
  if (!names) {
    if (isOurs(path) || isModule(path)) return [path]
    return refuse(`is of no known kind: ${expected}, or .wasm`)
  }
  // Kubernetes keeps what its links lead to in folders that begin with two dots.
  const shown = names.filter((name) => !name.startsWith('.')).sort()
  const ours = shown.filter((name) => isOurs(name) && !besideExtension.test(name))
  const { maxManifestFiles } = configLimits
  if (ours.length > maxManifestFiles)
    return refuse(`has ${ours.length} files: at most ${maxManifestFiles} are read`)
  if (ours.length === 0) faults.warnLoose(looseFault(path, `holds no manifests: ${expected}`))
  return ours.map((name) => join(path, name))
}

/** A module lies beside the manifest that says how it is run, and is a plugin by itself only when it is asked for. */
const isModule = (name: string): boolean => name.endsWith('.wasm')
const isOurs = (name: string): boolean => manifestExtension.test(name) || scriptExtension.test(name)
