import { builtinModules } from 'node:module'
import { relative } from 'node:path'
import type { Loader, OnLoadResult, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild'

/** What can be imported; anything else on the disk is none of a plugin's business. */
export const loaders: Readonly<Record<string, Loader>> = {
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.json': 'json',
}

const nodeModules: ReadonlySet<string> = new Set(builtinModules)
/** Marks what is asked of esbuild by us, lest we answer it ourselves. */
const askedByUs = 'asked by us'

/** Refuses imports of what a plugin cannot have: modules of Node, addresses, files that are no code. */
export const importWall: Plugin = {
  name: 'import-wall',
  setup(build) {
    build.onResolve({ filter: /.*/ }, (args) => resolved(build, args))
    build.onLoad({ filter: /.*/ }, ({ path }) => loaded(path))
  },
}

async function resolved(build: PluginBuild, args: OnResolveArgs): Promise<OnResolveResult | null> {
  const { path, kind, pluginData } = args
  if (kind === 'entry-point' || pluginData === askedByUs) return null
  if (path.startsWith('node:')) return refuse(notOfNode(path))
  // A package may be called like a module of Node.
  if (nodeModules.has(path)) return (await isInstalled(build, args)) ? null : refuse(notOfNode(path))
  if (!/^[a-z][a-z0-9+.-]+:/i.test(path)) return null
  return refuse(`${JSON.stringify(path)} is an address: expected the name of a package or a relative path`)
}

async function isInstalled(build: PluginBuild, args: OnResolveArgs): Promise<boolean> {
  const { importer, resolveDir, kind, path } = args
  if (resolveDir === '') return false
  const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: askedByUs })
  return found.errors.length === 0 && !found.external
}

function loaded(path: string): OnLoadResult | null {
  const extension = /\.[^./\\]+$/.exec(path)?.[0] ?? ''
  if (Object.hasOwn(loaders, extension)) return null
  const known = Object.keys(loaders).join(', ')
  return refuse(`${relative('.', path)} cannot be imported: only ${known} can`)
}

const refuse = (text: string) => ({ errors: [{ text }] })

const notOfNode = (path: string): string =>
  `${JSON.stringify(path)} is a module of Node, which plugins do not have: use what \`cx\` gives (\`cx.fetch\`, \`cx.kv\`, \`cx.log\`), or a package that needs no Node`
