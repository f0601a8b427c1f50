import type { Route } from './route.ts'

/** What clients may do here besides reading. */
export interface Writing {
  readonly deletes: boolean
}

/** Methods of an endpoint, for `Allow` (RFC 9110, 10.2.1). @param writing undefined where nothing is pushed */
export function allowedMethods(route: Route, writing: Writing | undefined): readonly string[] {
  const reading = ['GET', 'HEAD']
  if (writing === undefined) return reading
  const deleting = writing.deletes ? ['DELETE'] : []
  switch (route.kind) {
    case 'manifest':
      return [...reading, 'PUT', ...deleting]
    case 'blob':
      return [...reading, ...deleting]
    case 'uploads':
      return ['POST']
    case 'upload':
      return [...reading, 'PATCH', 'PUT', 'DELETE']
    default:
      return reading
  }
}
