/**
 * A string as JSON, such as no reader of a log can be led astray by: control
 * characters of both sets, and the line ends of Unicode, are escaped too.
 *
 * Plain ASCII costs one look at each character; all else goes through
 * `JSON.stringify`.
 */
export function jsonText(text: string): string {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return escaped(text)
  }
  return `"${text}"`
}

const escaped = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** At most `max` characters of a string, the last of them an ellipsis if more were there. */
export const shortened = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`
