import { containerd } from './containerd.ts'
import { docker } from './docker.ts'
import { k3s } from './k3s.ts'
import { crio, podman } from './registries-conf.ts'
import type { Runtime } from './runtime.ts'

/** Container runtimes that can be set up to pull through a gateway. */
export const RUNTIMES = { docker, containerd, podman, crio, k3s } as const satisfies Record<string, Runtime>

export type RuntimeName = keyof typeof RUNTIMES
export const RUNTIME_NAMES = Object.keys(RUNTIMES) as readonly RuntimeName[]
