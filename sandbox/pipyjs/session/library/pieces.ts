import { type HostCall, HostRefusal } from '../../../quickjs/contract.ts'

/** The most bytes that are worked through in one call: the time of the host is not metered. The guest gives more in pieces. */
export const maxPiece = 65_536

/** The bytes of an argument, no more than one piece. */
export function pieceOf(call: HostCall, index: number): Uint8Array {
  const piece = call.bytes(index)
  if (piece.length > maxPiece) throw new HostRefusal(`a piece has at most ${maxPiece} bytes`)
  return piece
}
