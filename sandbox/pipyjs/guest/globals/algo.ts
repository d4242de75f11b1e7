import { host } from '../host.ts'
import { libraryAlgo } from '../library/algo.ts'
import { defineGlobal } from '../scope.ts'
import { Cache } from './cache.ts'
import { URLRouter } from './url-router.ts'

/** `algo`: caches, routers and the like. */
export function installAlgo(): void {
  const algo = { Cache, URLRouter, uuid: () => host.uuid(), ...libraryAlgo }
  defineGlobal('algo', { value: Object.freeze(algo) })
}
