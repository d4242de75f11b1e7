import { contextFor, initialCells, rareOf, type ScriptContext } from './contexts.ts'
import { Fault } from './fault.ts'
import { host } from './host.ts'
import { handedOver, keyOf, objectOf } from './objects.ts'
import { declare, isDeclared } from './scope.ts'

const { parse, stringify } = JSON

/** Makes a variable of the script itself. */
export function declareOwn(name: string, initial: unknown): void {
  checkNew(name, 'duplicated variable name')
  const index = initialCells.length
  initialCells[index] = initial
  const get = (): unknown => contextFor(name)[1][index]
  const set = (value: unknown): void => {
    contextFor(name)[1][index] = value
  }
  declare(name, get, set)
}

/** Makes a variable of the script that others can import. */
export function declareExport(name: string, namespace: string, initial: unknown): void {
  checkNew(name, 'duplicated variable exporting name')
  const index = asked(() => host.exportVariable(name, namespace, stringify(initial)))
  declareShared(name, index, initial)
}

/** Makes a variable of somebody else's visible. */
export function declareImport(name: string, namespace: string): number {
  checkNew(name, 'duplicated variable name')
  const index = asked(() => host.importVariable(name, namespace))
  // Negative: of another script, and not of the chain.
  if (index < 0) declareShared(name, index, undefined)
  else {
    const get = (): unknown => readVariable(name, index)
    declare(name, get, (value) => assign(name, index, value))
  }
  return index
}

/** Makes `__filename` and `__inbound`. */
export function declareFixed(fileName: string): void {
  const refuse = (name: string) => (): never => {
    throw new TypeError(`${name} cannot be assigned to`)
  }
  declare('__filename', () => fileName, refuse('__filename'))
  declare('__inbound', inbound, refuse('__inbound'))
}

/** The connection that the exchange came on; null when there is none. */
export function inbound(): object | null {
  contextFor('__inbound')
  const token = host.inbound()
  return token === null ? null : objectOf(token)
}

function readVariable(name: string, index: number): unknown {
  contextFor(name)
  const value = host.variable(index)
  return typeof value === 'number' ? objectOf(value) : value
}

function assign(name: string, index: number, value: unknown): void {
  contextFor(name)
  if (value === undefined || value === null) host.assignPlain(index, null)
  else if (typeof value === 'object') assignObject(index, value)
  else if (typeof value === 'boolean' || typeof value === 'string' || typeof value === 'number') {
    host.assignPlain(index, value)
  } else throw new TypeError(`${name} cannot be a ${typeof value}`)
}

/** The host gets an object once, and knows it by its key from then on. */
function assignObject(index: number, value: object): void {
  const key = keyOf(value)
  if (host.assignObject(index, key, undefined)) return
  host.assignObject(index, key, stringify(value))
  handedOver(value, key)
}

/** Exported variables cross as JSON, and only when they were written. */
function declareShared(name: string, index: number, initial: unknown): void {
  const get = (): unknown => {
    const cell = sharedCell(contextFor(name), index, initial)
    const version = host.sharedVersion(index)
    if (version === cell.version) return cell.value
    const json = host.sharedValue(index)
    cell.version = version
    cell.value = json === undefined ? undefined : parse(json)
    return cell.value
  }
  const set = (value: unknown): void => {
    const cell = sharedCell(contextFor(name), index, initial)
    cell.version = host.shareValue(index, stringify(value))
    cell.value = value
  }
  declare(name, get, set)
}

function sharedCell(
  context: ScriptContext,
  index: number,
  value: unknown,
): { version: number; value: unknown } {
  const rare = rareOf(context)
  rare.shared ??= new Map()
  let cell = rare.shared.get(index)
  if (cell === undefined) {
    cell = { version: index < 0 ? -1 : 0, value }
    rare.shared.set(index, cell)
  }
  return cell
}

/** What the host refuses here is a fault of the script. */
function asked(ask: () => number): number {
  try {
    return ask()
  } catch (error) {
    throw new Fault((error as Error).message)
  }
}

function checkNew(name: string, fault: string): void {
  if (isDeclared(name)) throw new Fault(`${fault}: ${name}`)
}
