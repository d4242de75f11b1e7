import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { Log } from '../../chains/context.ts'
import { eventually } from '../../test/support/nothing-left.ts'
import { FileWatch } from './file-watch.ts'

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} }
const never = 1_000_000

interface Watched extends AsyncDisposable {
  readonly folder: string
  readonly file: string
  readonly watch: FileWatch
  readonly changes: () => number
}

/** A folder with one file in it that is watched; without polling if not told otherwise. */
async function watched(pollMs = never, lay = (folder: string) => writeFile(join(folder, 'a.yaml'), 'one')) {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-watch-'))
  await lay(folder)
  const file = join(folder, 'a.yaml')
  let count = 0
  const onChange = (): void => {
    count += 1
  }
  const watch = new FileWatch([file], { log: quiet, settleMs: 20, pollMs, onChange })
  const result: Watched = {
    folder,
    file,
    watch,
    changes: () => count,
    async [Symbol.asyncDispose]() {
      watch.close()
      await rm(folder, { recursive: true })
    },
  }
  return result
}

test('a file that is written, or replaced by renaming another over it, is told of each time', async (t) => {
  await using it = await watched()
  await writeFile(it.file, 'written')
  await eventually(() => it.changes() === 1, 'writing is seen')
  for (const round of [2, 3, 4]) {
    await writeFile(`${it.file}.new`, `replaced ${round}`)
    await rename(`${it.file}.new`, it.file)
    await eventually(() => it.changes() === round, 'the renaming is seen')
  }
  await unlink(it.file)
  await eventually(() => it.changes() === 5, 'that it is gone is seen')
  await writeFile(it.file, 'back')
  await eventually(() => it.changes() === 6, 'that it is back is seen')
  t.pass('all were seen')
})

test('the swap of a symbolic link on the way, as Kubernetes does it, is told of each time', async (t) => {
  await using it = await watched(never, async (folder) => {
    await mkdir(join(folder, '..1'))
    await writeFile(join(folder, '..1', 'a.yaml'), 'one')
    await symlink('..1', join(folder, '..data'))
    await symlink(join('..data', 'a.yaml'), join(folder, 'a.yaml'))
  })
  for (const round of [2, 3, 4]) {
    await mkdir(join(it.folder, `..${round}`))
    await writeFile(join(it.folder, `..${round}`, 'a.yaml'), `content ${round}`)
    await symlink(`..${round}`, join(it.folder, '..data_tmp'))
    await rename(join(it.folder, '..data_tmp'), join(it.folder, '..data'))
    await rm(join(it.folder, `..${round - 1}`), { recursive: true })
    await eventually(() => it.changes() === round - 1, 'the swap is seen')
  }
  t.pass('all were seen')
})

test('the swap of a folder above the file is seen', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-watch-'))
  for (const name of ['one', 'two']) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'a.yaml'), name)
  }
  await symlink('one', join(folder, 'current'))
  let count = 0
  const onChange = (): void => {
    count += 1
  }
  const file = join(folder, 'current', 'a.yaml')
  const watch = new FileWatch([file], { log: quiet, settleMs: 20, pollMs: never, onChange })
  await symlink('two', join(folder, 'next'))
  await rename(join(folder, 'next'), join(folder, 'current'))
  await eventually(() => count === 1, 'the swap is seen')
  watch.close()
  await rm(folder, { recursive: true })
  t.equal(count, 1)
})

test('other files in the folder and a mere look at the file are no changes', async (t) => {
  await using it = await watched(20)
  await writeFile(join(it.folder, 'other'), 'x')
  it.watch.watch([it.file])
  await sleep(200)
  t.equal(it.changes(), 0)
})

test('a folder that is not there yet is no error, and the poll sees what comes', async (t) => {
  await using it = await watched(20)
  const later = join(it.folder, 'later', 'b.yaml')
  it.watch.watch([it.file, later])
  await mkdir(join(it.folder, 'later'))
  await writeFile(later, 'here')
  await eventually(() => it.changes() >= 1, 'the poll sees it')
  t.pass('it was seen')
})

test('a file that never lies still is read anyway', async (t) => {
  await using it = await watched()
  let isWriting = true
  const writing = (async () => {
    for (let round = 0; isWriting; round += 1) {
      await writeFile(it.file, 'x'.repeat(round % 50))
      await sleep(5)
    }
  })()
  await eventually(() => it.changes() >= 1, 'it is told of in the end', 20_000)
  isWriting = false
  await writing
  t.pass('it was told of')
})

test('a closed watch tells nothing and can be closed again', async (t) => {
  await using it = await watched(20)
  it.watch.close()
  it.watch.close()
  await writeFile(it.file, 'changed')
  it.watch.watch([it.file])
  await sleep(100)
  t.equal(it.changes(), 0)
})

test('a folder is told of when a file comes or goes, but not for hidden ones', async (t) => {
  const lay = async (folder: string) => {
    await mkdir(join(folder, 'a.yaml'))
    await writeFile(join(folder, 'a.yaml', 'one'), '1')
  }
  await using it = await watched(never, lay)
  await writeFile(join(it.file, '.swap'), 'x')
  await writeFile(join(it.file, 'two'), '2')
  await eventually(() => it.changes() === 1, 'a new file is seen')
  await unlink(join(it.file, '.swap'))
  await sleep(100)
  t.equal(it.changes(), 1)
  await unlink(join(it.file, 'one'))
  await eventually(() => it.changes() === 2, 'a file that is gone is seen')
})
