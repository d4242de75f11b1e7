import { randomBytes } from 'node:crypto'
import { chmod, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { type Folder, newFolder } from '../support/process.ts'
import { assertRefused } from '../support/refused.ts'

interface Case {
  readonly name: string
  readonly file: string
  readonly content: string | Uint8Array
  /** What stands behind the path of the file, line by line. */
  readonly faults: readonly string[]
}

const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]']
for (let index = 1; index < 9; index += 1) {
  const [above, own] = ['abcdefghi'[index - 1], 'abcdefghi'[index]]
  bomb.push(`${own}: &${own} [${`*${above}, `.repeat(9)}]`)
}
const noConfig =
  ":1:1: is no config: expected YAML with keys such as `inbound` and `outbound`, or FSM's config.json"

const cases: readonly Case[] = [
  { name: 'an empty file', file: 'a.yaml', content: '', faults: [': is empty: expected a config'] },
  {
    name: 'a comment alone',
    file: 'a.yaml',
    content: '# nothing\n',
    faults: [':1:1: nothing is listened on: expected `inbound` rules or `outbound`'],
  },
  {
    name: 'a text',
    file: 'a.yaml',
    content: 'just a text\n',
    faults: [noConfig],
  },
  {
    name: 'tabs',
    file: 'a.yaml',
    content: 'inbound:\n\t- name: x\n',
    faults: [':2:1: is not YAML: Tabs are not allowed as indentation'],
  },
  {
    name: 'a key that stands twice',
    file: 'a.yaml',
    content: 'inbound: [{ listen: "127.0.0.1:0", application: "127.0.0.1:1" }]\nworkers: 1\nworkers: 2\n',
    faults: [':3:1: workers: the key "workers" stands here twice'],
  },
  {
    name: 'a bracket without an end',
    file: 'a.yaml',
    content: 'inbound: [\n',
    faults: [
      ':2:1: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  },
  {
    name: 'a bomb of anchors',
    file: 'a.yaml',
    content: `${bomb.join('\n')}\n`,
    faults: [noConfig, 'too large'],
  },
  {
    name: 'brackets without number',
    file: 'a.yaml',
    content: '['.repeat(100_000),
    faults: [':1:1: is nested too deeply'],
  },
  {
    name: 'braces without number',
    file: 'a.yaml',
    content: `a: ${'{a: '.repeat(50_000)}`,
    faults: [':1:1: is nested too deeply'],
  },
  {
    name: 'bytes that are no text',
    file: 'a.yaml',
    content: new Uint8Array([0xff, 0xfe, 0, 1]),
    faults: [': is not UTF-8 text'],
  },
  {
    name: 'garbage',
    file: 'a.json',
    content: Buffer.concat([Buffer.from([0xc0]), randomBytes(4_000)]),
    faults: [': is not UTF-8 text'],
  },
  {
    name: 'broken gzip',
    file: 'config.json.gz',
    content: new Uint8Array([0x1f, 0x8b, 8, 0]),
    faults: [': is broken gzip: unexpected end of file'],
  },
  {
    name: 'gzip of something else',
    file: 'config.json.gz',
    content: gzipSync('{"Spec": '),
    faults: [':1:10: is not JSON: expected a value, not the end of the file'],
  },
  {
    name: 'a gzip bomb',
    file: 'config.json.gz',
    content: gzipSync(Buffer.alloc(100 * 2 ** 20, 0x20)),
    faults: [': is too large: at most 67108864 bytes are read, also after unpacking'],
  },
  {
    name: 'a comma too many',
    file: 'config.json',
    content: '{\n  "Spec": {\n    "ServiceIdentity": "a",\n  }\n}',
    faults: [':4:3: is not JSON: expected a key in double quotes, not "}"'],
  },
  { name: 'a list', file: 'config.json', content: '[]', faults: [noConfig] },
]

/** Asks `run` about the one and `validate` about the other: they read files by the same way. */
async function check(t: Test, index: number, path: string, faults: readonly string[]): Promise<void> {
  const lines = faults.map((fault) => (fault.startsWith(':') ? `${path}${fault}` : new RegExp(fault)))
  const command = index % 2 === 0 ? 'run' : 'validate'
  await assertRefused(t, [command, '-c', path, '--admin', 'off', '--metrics', 'off'], lines)
}

test('files that are no config are refused with the place in a line', async (t) => {
  await using folder = await newFolder()
  t.jobs = 2
  await Promise.all(
    cases.map(({ name, file, content, faults }, index) =>
      t.test(name, { buffered: true }, async (sub) => {
        await check(sub, index, await folder.write(`${index}-${file}`, content), faults)
      }),
    ),
  )
})

/** Paths at which there is no file that can be read, with what is said of each. */
async function wrongPaths({ path, write }: Folder): Promise<(readonly [string, string])[]> {
  await mkdir(join(path, 'folder'))
  await symlink(join(path, 'circle'), join(path, 'circle'))
  const secret = await write('unreadable.yaml', 'inbound: []\n')
  await chmod(secret, 0)
  const isRoot = process.getuid?.() === 0
  return [
    [join(path, 'nowhere.yaml'), ': cannot be read: no such file'],
    [join(path, 'folder'), ': is a folder: expected a file'],
    [join(path, 'circle'), ': cannot be read: its symbolic links go in circles'],
    [join(path, 'unreadable.yaml', 'x'), ': cannot be read: a part of its path is not a folder'],
    [join(path, 'x'.repeat(300)), ': cannot be read: its name is too long'],
    ['/dev/null', ': is not a regular file'],
    // root may read anything
    ...(isRoot ? [] : [[secret, ': cannot be read: permission denied'] as const]),
  ]
}

test('paths without a file are refused with a line', async (t) => {
  await using folder = await newFolder()
  t.jobs = 2
  const paths = await wrongPaths(folder)
  await Promise.all(
    paths.map(([path, fault], index) =>
      t.test(fault, { buffered: true }, (sub) => check(sub, index, path, [fault])),
    ),
  )
})
