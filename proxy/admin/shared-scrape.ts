import type { Control } from './control.ts'

/** Metrics as they are sent; made once for all who asked at the same time. */
export interface Scraped {
  readonly contentType: string
  readonly body: Buffer
}

/** Gets the metrics. */
export type Scrape = () => Promise<Scraped>

/**
 * Wraps `metrics` so that it runs once at a time: whoever asks while it is
 * under way gets the same answer. One that has not settled after `limitMs` is
 * given up, so that it does not stand in the way for ever.
 */
export function sharedScrape(metrics: Control['metrics'], limitMs: number): Scrape {
  let running: Promise<Scraped> | null = null
  const scrape = async (): Promise<Scraped> => {
    try {
      const { contentType, text } = await withLimit(metrics, limitMs)
      return { contentType, body: Buffer.from(text) }
    } finally {
      running = null
    }
  }
  return () => {
    running ??= scrape()
    return running
  }
}

/** Rejects with a clear message if `work` takes longer than `limitMs`. */
export async function withLimit<T>(work: () => T | Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}
