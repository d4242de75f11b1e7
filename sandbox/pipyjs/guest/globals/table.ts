import { installLibrary } from '../library/library.ts'
import { installAbsent } from './absent.ts'
import { installAlgo } from './algo.ts'
import { installEvents } from './events.ts'
import { installLanguage } from './language.ts'
import { installPipy } from './pipy.ts'
import { installSystem } from './system.ts'

/** Everything that gives scripts globals. Each defines its own, with `defineGlobal`. */
const groups: readonly (() => void)[] = [
  installLanguage,
  installEvents,
  installPipy,
  installAlgo,
  installSystem,
  installLibrary,
  installAbsent,
]

/** Makes all globals of the script. */
export function installGlobals(): void {
  for (const install of groups) install()
}
