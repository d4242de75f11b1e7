import { constants } from 'node:os'
import { Refusal } from '../proxy/supervisor/refusal.ts'
import type { Sidecar } from '../proxy/supervisor/sidecar.ts'
import { type Command, exitCodes } from './command.ts'
import { configOptions, loadOptionsOf } from './config-options.ts'
import { programVersion } from './version.ts'

/** `pillion run`: the sidecar itself, until a signal or the admin port ends it. */
export const runCommand: Command = {
  name: 'run',
  summary: 'run the sidecar',
  details: [
    'Logs JSON lines on standard error. SIGHUP reads the config and the plugins again, as a change of their files does;',
    'SIGUSR2 opens the access log anew; SIGTERM and SIGINT drain and exit with 0, a second one exits at once',
    '(143 or 130).',
  ],
  options: configOptions,
  async run(values) {
    const signals = new Signals()
    try {
      // Only here, so that the other commands need not load it.
      const { startSidecar } = await import('../proxy/supervisor/sidecar.ts')
      const sidecar = await startSidecar({ source: loadOptionsOf(values), version: programVersion() })
      signals.obey(sidecar)
      await sidecar.ended
      return exitCodes.well
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown
      for (const reason of thrown.reasons) console.error(reason)
      return exitCodes.refused
    } finally {
      signals.close()
    }
  },
}

type EndSignal = 'SIGTERM' | 'SIGINT'

/** What signals do, before and while a sidecar runs. */
class Signals {
  #sidecar: Sidecar | null = null
  #isReloadWanted = false
  #isEnding = false

  constructor() {
    process.on('SIGTERM', this.#end)
    process.on('SIGINT', this.#end)
    process.on('SIGHUP', this.#reload)
    process.on('SIGUSR2', this.#reopen)
  }

  obey(sidecar: Sidecar): void {
    this.#sidecar = sidecar
    if (this.#isReloadWanted) this.#reload()
  }

  close(): void {
    process.off('SIGTERM', this.#end)
    process.off('SIGINT', this.#end)
    process.off('SIGHUP', this.#reload)
    process.off('SIGUSR2', this.#reopen)
  }

  readonly #end = (signal: NodeJS.Signals): void => {
    // Nothing serves yet, so that nothing has to be answered.
    if (!this.#sidecar) process.exit(exitCodes.well)
    if (this.#isEnding) process.exit(128 + constants.signals[signal as EndSignal])
    this.#isEnding = true
    void this.#sidecar.shutdown()
  }

  readonly #reload = (): void => {
    if (this.#sidecar) void this.#sidecar.reload('SIGHUP')
    else this.#isReloadWanted = true
  }

  readonly #reopen = (): void => this.#sidecar?.reopenLogs()
}
