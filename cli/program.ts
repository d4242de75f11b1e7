import { type Command, exitCodes } from './command.ts'
import { didYouMean } from './did-you-mean.ts'
import { optionLines, parseOptions, shown } from './options.ts'
import { runCommand } from './run.ts'
import { UsageError } from './usage-error.ts'
import { validateCommand } from './validate.ts'
import { programVersion } from './version.ts'

const commands: readonly Command[] = [runCommand, validateCommand]

/** Runs the command that `args` name and resolves with the exit code. Rejects only with what nobody foresaw. */
export async function runProgram(args: readonly string[]): Promise<number> {
  const [word, ...rest] = args
  if (word === '--version' || word === '-v') {
    console.log(programVersion())
    return exitCodes.well
  }
  if (word === '--help' || word === '-h') {
    console.log(programHelp())
    return exitCodes.well
  }
  const command = commands.find(({ name }) => name === word)
  try {
    if (!command) throw new UsageError(noCommand(word))
    const values = parseOptions(rest, command.options)
    if (!values.has('help')) return await command.run(values)
    console.log(commandHelp(command))
    return exitCodes.well
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown
    const name = command ? `pillion ${command.name}` : 'pillion'
    console.error(`${name}: ${thrown.message} (see ${name} --help)`)
    return exitCodes.wrongUsage
  }
}

function noCommand(word: string | undefined): string {
  const names = commands.map(({ name }) => name)
  if (word === undefined) return `a command is missing: ${names.join(' or ')}`
  const known = [...names, '--help', '--version']
  return `unknown ${word.startsWith('-') ? 'option' : 'command'} ${shown(word)}${didYouMean(word, known)}`
}

function programHelp(): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2
  return [
    'pillion: a programmable sidecar proxy',
    '',
    'usage: pillion COMMAND [OPTIONS]',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`),
    '',
    'pillion COMMAND --help tells more; pillion --version says which this is.',
    'Exit codes: 0 well, 1 refused or failed, 2 wrong usage.',
  ].join('\n')
}

const commandHelp = ({ name, summary, details, options }: Command): string =>
  [
    `pillion ${name}: ${summary}`,
    '',
    `usage: pillion ${name} [OPTIONS]`,
    '',
    ...optionLines(options),
    '',
    ...details,
  ].join('\n')
