import { type Test, test } from 'tap'
import { runProgram } from '../test/support/program.ts'

const wrong: readonly (readonly [args: readonly string[], line: string])[] = [
  [[], 'pillion: a command is missing: run or validate (see pillion --help)'],
  [['rum'], 'pillion: unknown command rum; did you mean run? (see pillion --help)'],
  [['validat'], 'pillion: unknown command validat; did you mean validate? (see pillion --help)'],
  [['constructor'], 'pillion: unknown command constructor (see pillion --help)'],
  [['--verison'], 'pillion: unknown option --verison; did you mean --version? (see pillion --help)'],
  [
    ['run', '--inbund', 'x:1'],
    'pillion run: unknown option --inbund; did you mean --inbound? (see pillion run --help)',
  ],
  [['run', '--toString'], 'pillion run: unknown option --toString (see pillion run --help)'],
  [['run', '-x'], 'pillion run: unknown option -x (see pillion run --help)'],
  [['run', '-f'], 'pillion run: -f needs a value: -f PATH (see pillion run --help)'],
  [['run', '--config'], 'pillion run: --config needs a value: --config FILE (see pillion run --help)'],
  [['run', '-c'], 'pillion run: -c needs a value: -c FILE (see pillion run --help)'],
  [['run', '--config='], 'pillion run: --config needs a value: --config FILE (see pillion run --help)'],
  [
    ['run', '--admin', '--workers', '2'],
    'pillion run: --admin needs a value: --admin ADDR (see pillion run --help)',
  ],
  [
    ['run', '--workers', '1', '--workers', '2'],
    'pillion run: --workers was given twice (see pillion run --help)',
  ],
  [['run', '--help=yes'], 'pillion run: --help takes no value (see pillion run --help)'],
  [['run', 'sidecar.yaml'], 'pillion run: unexpected argument sidecar.yaml (see pillion run --help)'],
  [
    ['run', '-f', 'a.js', '-c', 'b.yaml', 'c.js'],
    'pillion run: unexpected argument c.js (see pillion run --help)',
  ],
  [['run', '-f', 'a.js', '--', 'x'], 'pillion run: unexpected argument x (see pillion run --help)'],
  [['run', '--', 'x'], 'pillion run: unexpected argument x (see pillion run --help)'],
  [['validate', '-o', 'xml'], 'pillion validate: -o is text or json, not xml (see pillion validate --help)'],
  [['run', 'two\nlines'], 'pillion run: unexpected argument "two\\nlines" (see pillion run --help)'],
]

test('wrong usage is one line and exit code 2', async (t) => {
  t.jobs = 3
  const one = (args: readonly string[], line: string) => async (sub: Test) => {
    const { code, errors, output } = await runProgram(args)
    sub.strictSame({ code, errors, output }, { code: 2, errors: [line], output: [] })
  }
  await Promise.all(
    wrong.map(([args, line]) => t.test(JSON.stringify(args), { buffered: true }, one(args, line))),
  )
})

test('the program and each of its commands have a help, and the program tells its version', async (t) => {
  for (const args of [['--help'], ['-h'], ['run', '--help'], ['validate', '-h']]) {
    const { code, errors, output } = await runProgram(args)
    t.equal(code, 0)
    t.strictSame(errors, [])
    t.match(output.join('\n'), /usage: pillion/)
  }
  const { code, output } = await runProgram(['--version'])
  t.equal(code, 0)
  t.match(output.join('\n'), /^\d+\.\d+\.\d+/)
})

test('help is given even beside options that could not be obeyed', async (t) => {
  const { code, output } = await runProgram(['run', '-c', 'no-such-file.yaml', '--help'])
  t.equal(code, 0)
  t.match(output.join('\n'), /--original-destination-from CIDR/)
})
