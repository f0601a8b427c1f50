import { run } from './child.ts'

/** What an API server would say to an object that it is asked to create. */
export interface Verdict {
  readonly kind: string
  readonly name: string
  /** Why it would be refused. */
  readonly refused?: string
  /** What of its pods the Pod Security Standard `restricted` forbids. */
  readonly restricted?: string
}

/** What Kubernetes' own code says of each object: scripts/tools/kube-check. */
export async function kubeCheck(objects: string): Promise<Verdict[]> {
  const lines = (await run('kube-check', [], { input: objects })).trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Verdict)
}
