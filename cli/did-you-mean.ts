import { closest } from '../proxy/config/shape/closest.ts'

/** `; did you mean X?` when one of `words` is like `word`, else nothing. */
export function didYouMean(word: string, words: readonly string[]): string {
  const near = closest(word, words)
  return near === null ? '' : `; did you mean ${near}?`
}
