import { Body } from '../../../chains/body.ts'

/** The same body; `onOver` is called once when it has ended, broken off, or is not wanted any more. */
export function watchedBody(body: Body, onOver: () => void): Body {
  let isOver = false
  const over = (): void => {
    if (isOver) return
    isOver = true
    onOver()
  }
  return new Body(
    {
      open: (sink) =>
        body.open({
          write: (bytes) => sink.write(bytes),
          cork: () => sink.cork?.(),
          uncork: () => sink.uncork?.() ?? true,
          end: (trailers) => {
            over()
            sink.end(trailers)
          },
          fail: (error) => {
            over()
            sink.fail(error)
          },
        }),
      resume: () => body.resume(),
      cancel: (reason) => {
        over()
        body.cancel(reason)
      },
    },
    body.length,
  )
}
