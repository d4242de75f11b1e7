import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { modulesFor } from '../chains/catalogue.ts'
import { failures } from '../chains/failures.ts'
import { chainNames } from '../chains/model.ts'
import { defaultLogFields, logFields } from '../chains/policy/log-fields.ts'
import { metrics } from '../chains/telemetry.ts'
import { scriptVariables } from '../chains/variables.ts'
import { type Port, routes } from '../proxy/admin/routes.ts'
import { type JsonSchema, toJsonSchema } from '../proxy/config/shape/json-schema.ts'
import { configShape } from '../proxy/config/yaml/config-shape.ts'

const program = fileURLToPath(new URL('../cli/main.ts', import.meta.url))

/** Everything in the READMEs that is made from the code, by the name that stands in the markers. */
export const tables: Readonly<Record<string, () => string>> = {
  filters: filterTable,
  variables: variableTable,
  failures: failureTable,
  metrics: metricTable,
  'log-fields': logFieldTable,
  limits: limitTable,
  'admin-routes': routeTable,
  'run-usage': () => usage('run', '--help'),
  'validate-usage': () => usage('validate', '--help'),
}

function filterTable(): string {
  const rows = chainNames.flatMap((chain) =>
    modulesFor(chain).map(({ name, file, priority, defaultFor }) => [
      chain,
      String(priority),
      code(name),
      code(file),
      mounted(defaultFor),
    ]),
  )
  return table(['chain', 'priority', 'filter', 'name in FSM', 'mounted'], rows)
}

function mounted(formats: readonly string[]): string {
  if (formats.length === 2) return 'always'
  return formats.length ? 'with our YAML' : 'when `chains` names it'
}

function variableTable(): string {
  const rows = Object.entries(scriptVariables).map(([name, { field, from }]) => [
    code(name),
    code(field),
    from.map(code).join(', '),
  ])
  return table(['script variable', 'field of `Variables`', 'imported from'], rows)
}

function failureTable(): string {
  const rows = Object.entries(failures).map(([name, { status, blame, unsent }]) => [
    code(name),
    String(status),
    blame,
    unsent ? 'nothing' : 'perhaps',
  ])
  return table(['failure', 'status', 'blame', 'sent upstream'], rows)
}

function metricTable(): string {
  const rows = Object.entries(metrics).map(([name, { kind, labels, help }]) => [
    code(name),
    kind,
    labels.map(code).join(', '),
    help,
  ])
  return table(['metric', 'kind', 'labels', 'what it counts'], rows)
}

function logFieldTable(): string {
  const usual = new Set<string>(Object.values(defaultLogFields))
  const isUsual = (field: string) => (usual.has(`%{${field}}`) ? 'yes' : '')
  const rows = Object.entries(logFields).map(([name, { description }]) => [
    code(`%{${name}}`),
    isUsual(name),
    description,
  ])
  const headers = ['request', 'response'].map((kind) => [
    code(`%{${kind}_header:NAME}`),
    kind === 'request' ? '`host`' : '',
    `The ${kind} header of that name.`,
  ])
  return table(['field', 'by default', 'what it gives'], [...rows, ...headers])
}

/** What the config's schema says of every limit and time-out. */
function limitTable(): string {
  const { definitions } = toJsonSchema(configShape, '', '') as { definitions: Record<string, JsonSchema> }
  const rows = ['limits', 'timeouts', 'connections'].flatMap((section) => {
    const properties = definitions[section]?.properties as Record<string, JsonSchema>
    return Object.entries(properties).map(([key, property]) => [
      code(`${section}.${key}`),
      property.default === undefined ? 'none' : String(property.default),
      String(property.description),
    ])
  })
  return table(['key', 'default', 'what it bounds'], rows)
}

function routeTable(): string {
  const usualPort: Readonly<Record<Port, string>> = { admin: 'admin', metrics: 'metrics' }
  const rows = routes.map(({ method, path, ports, summary }) => [
    code(`${method} ${path}`),
    ports.map((port) => usualPort[port]).join(', '),
    summary,
  ])
  return table(['request', 'port', 'what it does'], rows)
}

/** What the program itself says; a table would only say it again. */
function usage(...args: readonly string[]): string {
  const text = execFileSync(process.execPath, [program, ...args], { encoding: 'utf8' })
  return `\`\`\`text\n${text.trim()}\n\`\`\``
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n')
}

function code(text: string): string {
  return `\`${text}\``
}
