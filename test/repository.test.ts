import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { dockerfileFaults } from './rules/documents.ts'
import { readDocuments, sourceFolders } from './rules/tree.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const run = promisify(execFile)

interface Package {
  readonly bin: Readonly<Record<string, string>>
  readonly files: readonly string[]
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly allowScripts: Readonly<Record<string, boolean>>
}
const packageJson = JSON.parse(read('package.json')) as Package

/** Asks the program whether a config is in order. */
async function validate(path: string): Promise<string> {
  const result = await run(process.execPath, [join(root, 'cli/main.ts'), 'validate', '-c', path])
  return result.stderr
}

test('every path that the Dockerfile copies is there', async (t) => {
  t.strictSame(dockerfileFaults(root), [])
})

test('what the Dockerfile copies is let through by .dockerignore', async (t) => {
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1))
  const copies = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.*)$/gm)]
  const paths = copies.flatMap((match) => (match[1] ?? '').split(/\s+/).slice(0, -1))
  t.ok(paths.length > 0)
  t.strictSame(
    paths.filter((path) => !allowed.includes(path)),
    [],
  )
})

test('the image runs without root, and asks its own /ready', async (t) => {
  const text = read('Dockerfile')
  t.match(text, /^USER 1500:1500$/m)
  t.match(text, /npm prune --omit=dev/)
  const command = /HEALTHCHECK[^[]*(\[.*\])$/m.exec(text)?.[1] ?? 'null'
  const [program, flag, script] = JSON.parse(command) as string[]
  t.strictSame([program, flag], ['node', '-e'])
  t.match(script, /127\.0\.0\.1:15010\/ready/)
  const failed = run(process.execPath, ['-e', script?.replace(':15010', ':1') ?? ''])
  await t.rejects(failed, { code: 1 }, 'the command runs, and fails where nothing listens')
})

test('every dependency has a reason in CONTRIBUTING.md, and nothing else has', async (t) => {
  const names = Object.keys({ ...packageJson.dependencies, ...packageJson.devDependencies }).toSorted()
  const rows = [...read('CONTRIBUTING.md').matchAll(/^\| `([^`]+)` \| .{10,} \|$/gm)]
  t.strictSame(rows.map((match) => match[1]).toSorted(), names)
})

test('versions of dependencies are exact, and Node may install itself', async (t) => {
  const versions = Object.entries({ ...packageJson.dependencies, ...packageJson.devDependencies })
  t.strictSame(
    versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
    [],
  )
  t.equal(packageJson.allowScripts.node, true)
})

test('the lockfile holds every optional package it names, or npm ci refuses it', async (t) => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>
  }
  const named = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
  t.strictSame(
    named.filter((name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`))),
    [],
  )
})

test('npm test finds every test file', async (t) => {
  const { include } = parse(read('.taprc')) as { include: string[] }
  const files = sourceFolders.flatMap((folder) => globSync(`${folder}/**/*.test.ts`, { cwd: root }))
  t.ok(files.length > 0)
  t.strictSame(
    files.filter((file) => !include.some((pattern) => matchesGlob(file, pattern))),
    [],
  )
})

test('every npm script that a document names is there, and what scripts run is there', async (t) => {
  const scripts = Object.keys(packageJson.scripts)
  for (const { path, text } of readDocuments(root)) {
    const named = [...text.matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1] ?? '')
    t.strictSame(
      named.filter((name) => !scripts.includes(name)),
      [],
      path,
    )
  }
  const files = Object.values(packageJson.scripts).flatMap((line) => /^node (\S+\.ts)/.exec(line)?.[1] ?? [])
  t.strictSame(
    files.filter((file) => !existsSync(join(root, file))),
    [],
  )
})

test('the config in the README is in order', async (t) => {
  const blocks = [...read('README.md').matchAll(/```yaml\n([\s\S]*?)```/g)]
  t.equal(blocks.length, 1)
  const path = join(t.testdir(), 'sidecar.yaml')
  writeFileSync(path, blocks[0]?.[1] ?? '')
  t.equal(await validate(path), '')
})

test('the manifest in deploy/ is in order, and so is the config in it', async (t) => {
  const documents = parseAllDocuments(read('deploy/kubernetes.yaml'))
  t.strictSame(
    documents.flatMap((document) => document.errors),
    [],
  )
  const [config, , deployment] = documents.map((document) => document.toJS())
  const path = join(t.testdir(), 'sidecar.yaml')
  writeFileSync(path, config.data['sidecar.yaml'])
  t.equal(await validate(path), '')
  const [sidecar] = deployment.spec.template.spec.initContainers
  t.match(sidecar, {
    restartPolicy: 'Always',
    startupProbe: { httpGet: { path: '/ready' } },
    securityContext: { runAsUser: 1500, readOnlyRootFilesystem: true },
  })
})

test('the license is the one that package.json names', async (t) => {
  t.match(read('LICENSE'), /^\s+Apache License\n\s+Version 2\.0, January 2004/)
  t.match(read('LICENSE'), /APPENDIX: How to apply the Apache License to your work\./)
})
