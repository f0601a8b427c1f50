import { isAlias, isMap, isScalar, isSeq } from 'yaml'
import { settingsInvalid } from '../config/mistakes.ts'
import { closest, didYouMean } from '../config/suggestion.ts'
import { YamlDocument, type YamlEntry } from '../config/yaml-document.ts'
import { isFailure } from '../errors.ts'
import { parseNamePattern, type NamePattern } from '../reference/name-pattern.ts'
import type { Action } from '../registry/access.ts'
import { ANONYMOUS, EVERY_USER, Rules, type Rule } from './rules.ts'

const ACTIONS: readonly Action[] = ['pull', 'push', 'delete']
const EVERYTHING = [parseNamePattern('**')]
const USERS_DO_EVERYTHING: Rule = { users: [EVERY_USER], repositories: EVERYTHING, actions: ACTIONS }
const ALL_PULL: Rule = { users: [ANONYMOUS], repositories: EVERYTHING, actions: ['pull'] }

/** Users may do everything, others nothing. */
export const PRIVATE_RULES = new Rules([USERS_DO_EVERYTHING])
/** Users may do everything, others pull. */
export const PUBLIC_RULES = new Rules([USERS_DO_EVERYTHING, ALL_PULL])

const RULE_KEYS = ['users', 'repositories', 'actions'] as const

/**
 * Read the rules of who may do what (docs/AUTHENTICATION.md).
 *
 * @param where path of the file, for messages
 * @throws Failure SETTINGS_INVALID that lists all mistakes, each with its line
 */
export function parseRules(text: string, where: string): Rules {
  const document = new YamlDocument(where)
  const contents = document.parse(text)
  const rules = isSeq(contents) ? contents.items.map((item) => readRule(document, item)) : []
  if (!isSeq(contents) && document.mistakes.length === 0) document.tell(where, 'must be a list of rules')
  if (document.mistakes.length > 0) {
    const count = document.mistakes.length === 1 ? 'a mistake' : `${document.mistakes.length} mistakes`
    throw settingsInvalid(document.mistakes, `the rules ${where} have ${count}:`)
  }
  return new Rules(rules.filter((rule) => rule !== undefined))
}

/** @returns undefined for a rule that is told to be wrong */
function readRule(document: YamlDocument, node: unknown): Rule | undefined {
  const where = document.lineOf(node)
  if (!isMap(node)) {
    document.tell(where, 'a rule must have the keys "users", "repositories" and "actions"')
    return undefined
  }
  const entries = document.entries(node, RULE_KEYS, 'a rule')
  for (const key of RULE_KEYS) {
    if (entries[key] === undefined) document.tell(where, `the rule has no "${key}"`)
  }
  const { users, repositories, actions } = entries
  const read = {
    users: users && readUsers(document, users),
    repositories: repositories && readPatterns(document, repositories),
    actions: actions && readActions(document, actions),
  }
  if (read.users === undefined || read.repositories === undefined || read.actions === undefined)
    return undefined
  return { users: read.users, repositories: read.repositories, actions: read.actions }
}

/** The texts of a list, or a single one. */
function readTexts(document: YamlDocument, { where, value }: YamlEntry): string[] {
  const items = isSeq(value) ? value.items : [value]
  if (items.length === 0) document.tell(where, 'must not be empty')
  return items
    .map((item) =>
      document.text({ where: isScalar(item) || isAlias(item) ? document.lineOf(item) : where, value: item }),
    )
    .filter((text) => text !== undefined)
}

function readUsers(document: YamlDocument, entry: YamlEntry): string[] {
  const users = readTexts(document, entry)
  for (const user of users) {
    if (user === '' || user.includes(':')) document.tell(entry.where, `"${user}" is no name of a user`)
    else if (user.length > 1 && user.includes('*'))
      document.tell(entry.where, `"${user}" is no name of a user; "*" alone stands for every user`)
  }
  return users
}

function readPatterns(document: YamlDocument, entry: YamlEntry): NamePattern[] {
  return readTexts(document, entry).flatMap((text) => {
    try {
      return [parseNamePattern(text)]
    } catch (error) {
      if (!isFailure(error, 'SETTINGS_INVALID')) throw error
      document.tell(entry.where, error.message)
      return []
    }
  })
}

function readActions(document: YamlDocument, entry: YamlEntry): Action[] {
  return readTexts(document, entry).flatMap((text) => {
    const action = ACTIONS.find((one) => one === text)
    if (action !== undefined) return [action]
    const suggestion = didYouMean(closest(text.slice(0, 100), ACTIONS))
    document.tell(entry.where, `"${text.slice(0, 100)}" is none of ${ACTIONS.join(', ')}${suggestion}`)
    return []
  })
}
