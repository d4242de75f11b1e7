/** A status as a label: `0` for what is no HTTP status, because upstreams are strangers and labels are kept for ever. */
export const statusLabel = (status: number): string => (isStatus(status) ? String(status) : '0')

/** The first digit of a status, 0 for what is none. */
export const statusClass = (status: number): number => (isStatus(status) ? Math.trunc(status / 100) : 0)

const isStatus = (status: number): boolean => Number.isInteger(status) && status >= 100 && status <= 599
