import { Lexer, Parser } from 'yaml'

/** Of brackets, mappings and lists within each other, and of what the library counts besides. */
const MAX_LEVELS = 100

/**
 * Whether a YAML text is nested deeper than any honest one. The library composes nested values by recursion, and a text
 * that comes close to the end of the stack can end the process: V8 has no room left to compile a regular expression then.
 */
export function isTooDeep(text: string): boolean {
  const parser = new Parser()
  for (const token of new Lexer().lex(text)) {
    // It works as it is asked for what it makes, which does not matter here.
    Array.from(parser.next(token))
    if (parser.stack.length > MAX_LEVELS) return true
  }
  return false
}
