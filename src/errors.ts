/** What is known of one kind of failure: how it looks on the wire and what it means to a person. */
export interface ErrorKind {
  /** HTTP status of the answer. */
  readonly status: number
  /** `code` in the OCI error body (distribution-spec, "Error Codes", and those distribution itself adds). */
  readonly oci: string
  /** Seconds for `Retry-After`, where trying again can help. */
  readonly retryAfter?: number
  /** One sentence for docs/ERRORS.md. */
  readonly meaning: string
}

/**
 * Every failure this program can report, in one table. docs/ERRORS.md is generated from it.
 *
 * Clients treat 4xx as final and 5xx as worth another try, so "not there" is 4xx and is said only when a source
 * that could know has said it; "could not be had now" is 5xx.
 */
export const ERRORS = {
  NAME_INVALID: {
    status: 400,
    oci: 'NAME_INVALID',
    meaning: 'The repository name or the CID in it is malformed.',
  },
  NAME_UNKNOWN: { status: 404, oci: 'NAME_UNKNOWN', meaning: 'There is no repository of this name.' },
  MANIFEST_UNKNOWN: {
    status: 404,
    oci: 'MANIFEST_UNKNOWN',
    meaning: 'The repository has no such tag or manifest.',
  },
  BLOB_UNKNOWN: { status: 404, oci: 'BLOB_UNKNOWN', meaning: 'The repository holds no such blob.' },
  UPLOAD_UNKNOWN: { status: 404, oci: 'BLOB_UPLOAD_UNKNOWN', meaning: 'There is no such upload.' },
  DIGEST_INVALID: {
    status: 400,
    oci: 'DIGEST_INVALID',
    meaning: 'The digest is malformed or of an unknown algorithm.',
  },
  UPLOAD_INVALID: {
    status: 409,
    oci: 'BLOB_UPLOAD_INVALID',
    meaning:
      'The upload is being written by another request, or its bytes are not those that were announced.',
  },
  CHUNK_INVALID: {
    status: 400,
    oci: 'BLOB_UPLOAD_INVALID',
    meaning:
      'The `Content-Range` of a part of an upload is malformed, or another length than that of its body.',
  },
  ENCODING_UNSUPPORTED: {
    status: 415,
    oci: 'UNSUPPORTED',
    meaning: 'What is pushed is encoded for its way: it has to come as the bytes that its digest is of.',
  },
  MANIFEST_INVALID: {
    status: 400,
    oci: 'MANIFEST_INVALID',
    meaning: 'What was pushed is no manifest, or not of the media type or digest that was said.',
  },
  MANIFEST_BLOB_UNKNOWN: {
    status: 404,
    oci: 'MANIFEST_BLOB_UNKNOWN',
    meaning: 'The manifest names a blob or manifest that its repository does not hold.',
  },
  MANIFEST_TOO_LARGE: {
    status: 413,
    oci: 'MANIFEST_INVALID',
    meaning: 'The pushed manifest is larger than `max-manifest-size`.',
  },
  TAG_INVALID: { status: 400, oci: 'TAG_INVALID', meaning: 'The tag of a pushed manifest is malformed.' },
  TAGS_TOO_MANY: {
    status: 414,
    oci: 'MANIFEST_INVALID',
    meaning: 'One push names more tags than are taken at once.',
  },
  TAG_IMMUTABLE: {
    status: 409,
    oci: 'DENIED',
    meaning: 'A rule says that this tag, once there, stays what it is.',
  },
  ROOT_UNREADABLE: {
    status: 503,
    oci: 'UNAVAILABLE',
    retryAfter: 5,
    meaning: 'What a root holds now could not be established, so nothing is written to it.',
  },
  PUSH_TIMEOUT: {
    status: 504,
    oci: 'UNAVAILABLE',
    retryAfter: 5,
    meaning: 'What is pushed did not come in time, or could not be stored in time.',
  },
  UNAUTHORIZED: {
    status: 401,
    oci: 'UNAUTHORIZED',
    meaning: 'The request lacks credentials that allow it, or has wrong ones.',
  },
  RANGE_INVALID: { status: 416, oci: 'RANGE_INVALID', meaning: 'The requested range lies outside the blob.' },
  REQUEST_INVALID: { status: 400, oci: 'UNSUPPORTED', meaning: 'The request itself is malformed.' },
  PAGINATION_INVALID: {
    status: 400,
    oci: 'PAGINATION_NUMBER_INVALID',
    meaning: '`n` is not a whole number that is zero or more.',
  },
  ROUTE_UNKNOWN: {
    status: 404,
    oci: 'UNSUPPORTED',
    meaning: 'No endpoint of the registry protocol has this path.',
  },
  UNSUPPORTED: { status: 405, oci: 'UNSUPPORTED', meaning: 'The endpoint exists but not for this method.' },
  DENIED: {
    status: 403,
    oci: 'DENIED',
    meaning:
      'The allow and deny lists of this gateway, its rules of who may do what, or an upstream, exclude it; or a web page wants to write.',
  },
  NOT_HELD: {
    status: 404,
    oci: 'NAME_UNKNOWN',
    meaning: 'This gateway does not hold the block or record, and fetches none for others.',
  },
  NOT_CACHED: {
    status: 412,
    oci: 'NAME_UNKNOWN',
    meaning: 'The request said `only-if-cached`, and the block is not held here.',
  },
  NOT_ACCEPTABLE: {
    status: 406,
    oci: 'UNSUPPORTED',
    meaning: 'The content is there, but not in the format that was asked for.',
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    oci: 'TOOMANYREQUESTS',
    retryAfter: 2,
    meaning: 'Too many requests for blocks are under way.',
  },
  CONTENT_NOT_FOUND: {
    status: 404,
    oci: 'NAME_UNKNOWN',
    meaning: 'A source that can know says that nothing is at this path.',
  },
  CONTENT_UNAVAILABLE: {
    status: 503,
    oci: 'UNAVAILABLE',
    retryAfter: 5,
    meaning: 'No source or upstream could give the content now: none has it, or none answers.',
  },
  CONTENT_TIMEOUT: {
    status: 504,
    oci: 'UNAVAILABLE',
    retryAfter: 5,
    meaning: 'The content did not come in time; the search for it goes on in the background.',
  },
  CONTENT_INVALID: {
    status: 502,
    oci: 'DIGEST_INVALID',
    meaning: 'The bytes that came do not match the digest or CID; none of them was passed on as complete.',
  },
  CONTENT_TOO_LARGE: {
    status: 502,
    oci: 'SIZE_INVALID',
    meaning: 'A manifest, index or folder is larger than the limits of this gateway.',
  },
  NAME_UNRESOLVED: {
    status: 503,
    oci: 'UNAVAILABLE',
    retryAfter: 5,
    meaning: 'The IPNS name or DNSLink could not be resolved now.',
  },
  OVERLOADED: {
    status: 503,
    oci: 'UNAVAILABLE',
    retryAfter: 2,
    meaning: 'A queue of this gateway is full.',
  },
  UPSTREAM_DENIED: {
    status: 403,
    oci: 'DENIED',
    meaning:
      'The upstream registry refuses it, with the credentials this gateway has for it, or without any.',
  },
  UPSTREAM_LIMITED: {
    status: 429,
    oci: 'TOOMANYREQUESTS',
    retryAfter: 30,
    meaning: 'The upstream registry asks for fewer requests, and no copy is held here.',
  },
  LOOP_DETECTED: {
    status: 508,
    oci: 'UNSUPPORTED',
    meaning: 'This gateway is its own upstream, directly or through others.',
  },
  STORE_LOCKED: { status: 500, oci: 'UNKNOWN', meaning: 'Another gateway holds the store.' },
  STORE_FAILED: { status: 500, oci: 'UNKNOWN', meaning: 'The store on disk could not be read or written.' },
  OUTPUT_FAILED: { status: 500, oci: 'UNKNOWN', meaning: 'What a command writes to could not be written.' },
  LAYOUT_INVALID: {
    status: 400,
    oci: 'MANIFEST_INVALID',
    meaning: 'What should be published is no sound image layout.',
  },
  IMPORT_INVALID: {
    status: 400,
    oci: 'UNSUPPORTED',
    meaning: 'What should be imported is no complete CAR, or no IPNS record that is of use.',
  },
  RUNTIME_UNCHANGED: {
    status: 500,
    oci: 'UNKNOWN',
    meaning:
      'A file of a container runtime could not be read, understood or changed safely, and is as it was.',
  },
  SETTINGS_INVALID: { status: 400, oci: 'UNKNOWN', meaning: 'Settings are wrong; every mistake is listed.' },
  INTERNAL: { status: 500, oci: 'UNKNOWN', meaning: 'A defect of this gateway; the log has the request id.' },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERRORS

export interface FailureOptions {
  /** Goes into the `detail` of the OCI error body; must be plain JSON. */
  readonly detail?: unknown
  readonly cause?: unknown
  /** Seconds; overrides the table. */
  readonly retryAfter?: number
}

/** The one error class of this program: a row of {@link ERRORS} with a message a person can act on. */
export class Failure extends Error {
  readonly code: ErrorCode
  readonly detail: unknown
  readonly retryAfter: number | undefined

  constructor(code: ErrorCode, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Failure'
    this.code = code
    this.detail = options.detail
    const kind: ErrorKind = ERRORS[code]
    this.retryAfter = options.retryAfter ?? kind.retryAfter
  }

  get kind(): ErrorKind {
    return ERRORS[this.code]
  }
}

/** Whether `error` is a {@link Failure}, and if codes are given, one of those. */
export function isFailure(error: unknown, ...codes: ErrorCode[]): error is Failure {
  return error instanceof Failure && (codes.length === 0 || codes.includes(error.code))
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return textIn(error, 'message') ?? String(error)
}

/**
 * The `code` of an error of the system or a library: `ENOENT`. Looks at nothing but that property, since an error may
 * come from another realm (a worker, a `node:vm` context), where `instanceof Error` does not hold.
 */
export function systemCodeOf(error: unknown): string | undefined {
  return textIn(error, 'code')
}

function textIn(thrown: unknown, key: 'code' | 'message'): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined
  const value = (thrown as Readonly<Record<string, unknown>>)[key]
  return typeof value === 'string' ? value : undefined
}
