import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { faultsIn } from '../layers.ts'

/** Writes the files into a fresh tree and says what the rules find. */
function faultsOf(folder: string, files: Readonly<Record<string, string>>): string[] {
  for (const [path, text] of Object.entries({ Dockerfile: '', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return faultsIn(folder)
}

const documented = '/** It is. */\nexport const a = 1\n'

test('imports that point down are in order', async (t) => {
  const files = {
    'chains/a.ts': `import { isIP } from 'node:net'\n${documented}`,
    'proxy/b.ts': `import { a } from '../chains/a.ts'\nimport { connect } from 'node:net'\n`,
    'cli/c.ts': `import '../proxy/b.ts'\n`,
    'test/d.ts': `import { a } from '../chains/a.ts'\n`,
  }
  t.strictSame(faultsOf(t.testdir(), files), [])
})

test('an import that points up is a fault, with its place', async (t) => {
  const files = {
    'chains/a.ts': `\nimport type {\n  B,\n} from '../proxy/b.ts'\n`,
    'proxy/b.ts': `const c = await import('../cli/c.ts')\n`,
    'cli/c.ts': `import '../test/d.ts'\n`,
    'test/d.ts': '',
  }
  const faults = faultsOf(t.testdir(), files)
  t.equal(faults.length, 3)
  t.match(faults[0], 'chains/a.ts:2: chains/ may not import proxy/b.ts')
  t.match(faults[1], 'cli/c.ts:1: cli/ may not import test/d.ts')
  t.match(faults[2], 'proxy/b.ts:1: proxy/ may not import cli/c.ts')
})

test('chains/ may touch neither sockets, files, packages nor the clock', async (t) => {
  const files = {
    'chains/a.ts': [
      `import { connect, isIP } from 'node:net'`,
      `import { readFileSync } from 'node:fs'`,
      `import { parse } from 'yaml'`,
      `const timer = setTimeout(() => {}, 1)`,
      `const now = Date.now()`,
      `// setTimeout(`,
    ].join('\n'),
    'chains/a.test.ts': `import { connect } from 'node:net'\n`,
  }
  const faults = faultsOf(t.testdir(), files)
  t.strictSame(
    faults.map((fault) => fault.slice(0, fault.indexOf(';') < 0 ? undefined : fault.indexOf(';'))),
    [
      'chains/a.ts:1: chains/ may not import connect of node:net',
      'chains/a.ts:2: chains/ may not import node:fs',
      'chains/a.ts:3: chains/ may not import yaml',
      'chains/a.ts:4: chains/ may not use setTimeout',
      'chains/a.ts:5: chains/ may not use Date.now',
    ],
  )
})

test('a circle is a fault, also one of types alone', async (t) => {
  const files = {
    'chains/a.ts': `import type { B } from './b.ts'\n`,
    'chains/b.ts': `import type { A } from './c.ts'\n`,
    'chains/c.ts': `import type { A } from './a.ts'\n`,
  }
  t.strictSame(faultsOf(t.testdir(), files), [
    'chains/a.ts: import circle: chains/a.ts → chains/b.ts → chains/c.ts → chains/a.ts',
  ])
})

test('length, doc comments, absolute paths and notes to oneself are looked at', async (t) => {
  const note = ['TO', 'DO'].join('')
  const folder = ['/ho', 'me/'].join('')
  const files = {
    'proxy/long.ts': '//\n'.repeat(301),
    'proxy/bare.ts':
      'export const a = 1\n/** Two forms. */\nexport function b(): void\nexport function b(): void {}\n',
    'proxy/path.ts': `const path = '${folder}me/x'\n`,
    'proxy/note.ts': `// ${note}: later\n`,
  }
  t.strictSame(faultsOf(t.testdir(), files), [
    'proxy/bare.ts:1: the export a has no doc comment',
    'proxy/long.ts: 301 lines; the wall is 300',
    'proxy/note.ts:1: a note to oneself; do it, or file an issue',
    "proxy/path.ts:1: an absolute path of somebody's machine",
  ])
})

test('maps, links and the Dockerfile name only what is there', async (t) => {
  const files = {
    'README.md':
      '# X\n\n## Map\n\n| a | b |\n| --- | --- |\n| `chains/a.ts` | yes |\n| `gone.ts` | no |\n\n## Y\n\n| `free` | – |\n[a](gone.md#x) [b](https://x.test)\n',
    'chains/a.ts': documented,
    Dockerfile: 'COPY chains lost ./\nCOPY --from=build /src/dist ./dist\nCOPY --from=build /src/other ./\n',
  }
  t.strictSame(faultsOf(t.testdir(), files), [
    'README.md:8: names gone.ts, which is not there',
    'README.md:13: names gone.md, which is not there',
    'Dockerfile:1: copies lost, which is not there',
    'Dockerfile:3: copies other, which is not there',
  ])
})

test('a tree without a Dockerfile says so', async (t) => {
  const folder = t.testdir()
  cpSync(new URL('../../LICENSE', import.meta.url), join(folder, 'LICENSE'))
  t.strictSame(faultsIn(folder), ['Dockerfile: is not there'])
})
