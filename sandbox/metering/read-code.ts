import type { Declarations } from './declarations.ts'
import { walkInstructions } from './instructions.ts'
import type { Reader } from './reader.ts'
import { MeterRefusal } from './refusal.ts'
import { openSection, Section, type Sections } from './sections.ts'
import { emptySurvey, type Survey } from './survey.ts'
import { skipValueType } from './types.ts'
import { Walk } from './walk.ts'

/** V8 takes no function with more. */
const mostLocals = 50_000

/** Reads every function body once, and notes what metering has to know of it. */
export function surveyCode(sections: Sections, declarations: Declarations): Survey {
  const { functions, importedFunctions } = declarations.indexes
  const own = functions - importedFunctions
  const reader = openSection(sections, Section.code)
  const survey = emptySurvey(own, reader ? reader.end - reader.at : 0)
  const bodies = reader?.count('function bodies') ?? 0
  if (bodies !== own) {
    const at = sections.known.get(Section.code)?.start ?? sections.bytes.length
    throw new MeterRefusal(`${own} functions, but ${bodies} bodies`, at)
  }
  if (!reader) return survey
  const walk = new Walk(reader, declarations, survey)
  const sectionEnd = reader.end
  for (let index = 0; index < own; index += 1) {
    const size = reader.u32()
    if (size > sectionEnd - reader.at) throw reader.cutShort()
    reader.end = reader.at + size
    surveyBody(walk, index)
    reader.end = sectionEnd
  }
  survey.firstEvent[own] = survey.events.length
  reader.expectEnd('the code')
  return survey
}

function surveyBody(walk: Walk, index: number): void {
  const { reader, survey } = walk
  survey.firstEvent[index] = survey.events.length
  survey.start[index] = reader.at
  survey.end[index] = reader.end
  survey.locals[index] = readLocals(reader, walk.declarations.indexes.types)
  survey.code[index] = reader.at
  walk.begin()
  walkInstructions(walk)
  reader.expectEnd('the body of a function')
  walk.finish(index)
}

function readLocals(reader: Reader, types: number): number {
  const at = reader.at
  let locals = 0
  for (let groups = reader.count('groups of locals'); groups > 0; groups -= 1) {
    locals += reader.u32()
    if (locals > mostLocals) throw reader.refusal(`a function with more than ${mostLocals} locals`, at)
    skipValueType(reader, types)
  }
  return locals
}
