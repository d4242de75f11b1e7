import { charTable } from '../../chains/syntax.ts'

const digits = [0x30, 0x39] as const
const letters = [
  [0x41, 0x5a],
  [0x61, 0x7a],
] as const

/** What may stand in a request target: visible ASCII without `#`, which is never sent (RFC 9112 section 3.2). */
export const targetChars = charTable('', [
  [0x21, 0x22],
  [0x24, 0x7e],
])

/** What may stand in the authority of a target or in Host: RFC 3986 host and port, no user information. */
export const authorityChars = charTable("-._~!$&'()*+;=:[]%", [digits, ...letters])

/** Methods of the IANA registry that the reference parsers know; others are answered 501. */
export const knownMethods: ReadonlySet<string> = new Set(
  (
    'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH ACL BIND CHECKOUT COPY LINK LOCK M-SEARCH MERGE ' +
    'MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY PROPFIND PROPPATCH PURGE QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE ' +
    'UNBIND UNLINK UNLOCK UNSUBSCRIBE'
  ).split(' '),
)
