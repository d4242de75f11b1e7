import type { HttpFilter } from '../filter.ts'

/** The place of tracing in the HTTP chains. Nothing is traced yet: it lets everything pass. */
export function tracing(): HttpFilter {
  return (request, cx, next) => next(request, cx)
}
