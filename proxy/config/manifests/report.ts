import type { Fault, Path } from '../fault.ts'
import { FaultList, type Locator, type Verdict } from '../fault-list.ts'

/** Takes what is wrong with one thing that people wrote; a {@link FaultList} is one. */
export interface Reporter {
  add(path: Path, message: string, at?: 'key' | 'value'): void
  warn(path: Path, message: string, at?: 'key' | 'value'): void
  addLoose(fault: Fault): void
  pathOf(value: object, ...steps: readonly (string | number)[]): Path
}

/** Collects what is wrong with one resource of a manifest, or with one file of a plugin. */
export class Report implements Reporter {
  readonly file: string
  /** Handed to whoever reads values of the resource. */
  readonly faults = new FaultList()
  readonly #locate: Locator
  /** `Plugin cors`, once that is known. */
  resource: string | undefined = undefined

  constructor(file: string, locate: Locator) {
    this.file = file
    this.#locate = locate
  }

  add(path: Path, message: string, at: 'key' | 'value' = 'value'): void {
    this.faults.add(path, message, at)
  }

  warn(path: Path, message: string, at: 'key' | 'value' = 'value'): void {
    this.faults.warn(path, message, at)
  }

  addLoose(fault: Fault): void {
    this.faults.addLoose(this.resource === undefined ? fault : { ...fault, resource: this.resource })
  }

  pathOf(value: object, ...steps: readonly (string | number)[]): Path {
    return this.faults.pathOf(value, ...steps)
  }

  /** Where it stands, as `file:line`. Takes a pass over the file. */
  get place(): string {
    const line = this.#locate([{ path: [], at: 'value' }])[0]?.line ?? 0
    return line > 0 ? `${this.file}:${line}` : this.file
  }

  /** An empty report on the same thing, for what is not to be handed on with the rest. */
  aside(): Report {
    const aside = new Report(this.file, this.#locate)
    aside.resource = this.resource
    return aside
  }

  /** Everything so far, with its places. */
  verdict(): Verdict {
    return this.faults.settle(this.file, this.#locate, this.resource)
  }

  /** Hands everything on, with its places. */
  settle(into: FaultList): void {
    const { faults, warnings } = this.verdict()
    for (const fault of faults) into.addLoose(fault)
    for (const warning of warnings) into.warnLoose(warning)
  }
}
