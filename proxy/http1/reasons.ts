import { STATUS_CODES } from 'node:http'

/** The usual reason phrase of a status (RFC 9110 section 15), or an empty one. */
export const reasonOf = (status: number): string => STATUS_CODES[status] ?? ''
