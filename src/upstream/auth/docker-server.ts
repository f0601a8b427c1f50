/** What `docker login` calls Docker Hub. */
const HUB = 'https://index.docker.io/v1/'
const HUB_HOSTS = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

/** A registry as `docker login` and credential helpers know it: its host, but for Docker Hub. */
export function dockerServerOf(host: string): string {
  return HUB_HOSTS.has(host) ? HUB : host
}

/** Whether a key of a docker `config.json` means this host: `host`, `https://host`, `https://host/v1/`. */
export function meansHost(key: string, host: string): boolean {
  const [, keyHost = ''] = /^(?:https?:\/\/)?([^/]+)(?:\/|\/v[12]\/?)?$/.exec(key) ?? []
  return keyHost === host || (HUB_HOSTS.has(keyHost) && HUB_HOSTS.has(host))
}
