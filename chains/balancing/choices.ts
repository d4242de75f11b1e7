/** Choices that one connection may remember. Only a plugin that makes up clusters comes near it. */
const maxChoices = 1_024

/** Remembers a choice for the rest of a connection; forgets all the others when there are too many. */
export function remember(choices: Map<string, string>, key: string, choice: string): void {
  if (choices.size >= maxChoices) choices.clear()
  choices.set(key, choice)
}
