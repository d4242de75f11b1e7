/** One line of a Prometheus exposition. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What a scrape said. */
export class Exposition {
  readonly samples: readonly Sample[]

  constructor(text: string) {
    this.samples = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map(readSample)
  }

  /** The samples of that name whose labels are all of `labels`, and any others. */
  all(name: string, labels: Readonly<Record<string, string>> = {}): readonly Sample[] {
    const wanted = Object.entries(labels)
    return this.samples.filter(
      (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
    )
  }

  /** The sum of {@link all}; 0 when there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.all(name, labels).reduce((sum, { value }) => sum + value, 0)
  }

  /** The counters, and what histograms count, by name and labels: all that may never fall. */
  get neverFalling(): ReadonlyMap<string, number> {
    // prom-client has gauges whose names end like those of counters
    const counters = this.samples.filter(
      ({ name }) => /_(?:total|count|sum|bucket)$/.test(name) && !name.startsWith('nodejs_active_'),
    )
    return new Map(counters.map(({ name, labels, value }) => [`${name}${JSON.stringify(labels)}`, value]))
  }
}

const pair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g

function readSample(line: string): Sample {
  const parts = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
  if (!parts) throw new Error(`no line of an exposition: ${line}`)
  const [, name = '', labels = '', value = ''] = parts
  const found = [...labels.matchAll(pair)].map(([, key = '', text = '']) => [key, unescaped(text)] as const)
  return { name, labels: Object.fromEntries(found), value: value === '+Inf' ? Infinity : Number(value) }
}

const unescaped = (text: string): string =>
  text.replace(/\\(.)/g, (_all, char: string) => (char === 'n' ? '\n' : char))
