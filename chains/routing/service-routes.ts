import type { HttpRequest } from '../http.ts'
import type { HttpRules, RouteRule, Service } from '../model.ts'
import { Conditions, withoutQuery } from './conditions.ts'
import type { Split } from './split.ts'

/** One rule, ready for use. */
export interface CompiledRoute {
  readonly rule: RouteRule
  readonly conditions: Conditions
  readonly split: Split
}

/** The rules of one service, as they are searched. */
export interface ServiceRoutes {
  readonly service: Service
  /** The first rule that is met, or null. An empty `caller` is one who did not say who it is. */
  find(request: HttpRequest, caller: string): CompiledRoute | null
  /** Whether a rule would be met if the caller were another. Off the hot path. */
  isForOthers(request: HttpRequest): boolean
}

/** Makes the rules of a service ready. `callerMatching` null asks nothing of the caller. */
export function serviceRoutes(
  service: Service,
  callerMatching: HttpRules['callerMatching'] | null,
  splitOf: (rule: RouteRule) => Split,
): ServiceRoutes {
  const routes = service.routes.map((rule) => ({
    rule,
    conditions: new Conditions(rule),
    split: splitOf(rule),
  }))
  return {
    service,
    find: finder(routes, callerMatching),
    isForOthers: (request) => firstMatch(routes, request) !== null,
  }
}

function finder(
  routes: readonly CompiledRoute[],
  callerMatching: HttpRules['callerMatching'] | null,
): ServiceRoutes['find'] {
  if (callerMatching === null || routes.every(({ rule }) => rule.callers === null)) {
    return (request) => firstMatch(routes, request)
  }
  return callerMatching === 'grouped' ? groupedFinder(routes) : filteringFinder(routes)
}

/**
 * FSM's way: if any rule names the caller and takes the method, only the rules
 * that name the caller are searched; else only those that name nobody.
 */
function groupedFinder(routes: readonly CompiledRoute[]): ServiceRoutes['find'] {
  const groups = new Map<string, CompiledRoute[]>()
  for (const route of routes) {
    for (const caller of route.rule.callers ?? ['']) {
      const group = groups.get(caller)
      if (group) group.push(route)
      else groups.set(caller, [route])
    }
  }
  return (request, caller) => {
    const own = groups.get(caller)
    const isShadowing = own?.some(({ conditions }) => conditions.takesMethod(request.method))
    const group = own && isShadowing ? own : groups.get('')
    return group ? firstMatch(group, request) : null
  }
}

/** Our way: rules that are not for the caller are passed over, one by one. */
function filteringFinder(routes: readonly CompiledRoute[]): ServiceRoutes['find'] {
  const allowed = new Map(routes.map(({ rule }) => [rule, rule.callers && new Set(rule.callers)]))
  return (request, caller) => {
    const bare = withoutQuery(request.path)
    for (const route of routes) {
      const callers = allowed.get(route.rule)
      if (callers && !callers.has(caller)) continue
      if (isMatch(route, request, bare)) return route
    }
    return null
  }
}

function firstMatch(routes: readonly CompiledRoute[], request: HttpRequest): CompiledRoute | null {
  const bare = withoutQuery(request.path)
  for (const route of routes) if (isMatch(route, request, bare)) return route
  return null
}

function isMatch({ conditions }: CompiledRoute, request: HttpRequest, bare: string): boolean {
  return conditions.takesMethod(request.method) && conditions.accepts(request, bare)
}
