/**
 * What the operator should hear of a failure, and clients should not: the `cause` of a Failure. Neither the message
 * nor the fields have a secret in them.
 */
export class OperatorNote extends Error {
  readonly fields: Readonly<Record<string, string | number>>

  constructor(message: string, fields: Readonly<Record<string, string | number>> = {}) {
    super(message)
    this.name = 'OperatorNote'
    this.fields = fields
  }
}
