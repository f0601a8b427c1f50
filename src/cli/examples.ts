/** What stands below `--help`. */
export const EXAMPLES = {
  program: `
Examples:
  ipfs-registry serve
  ipfs-registry publish ./images
  ipfs-registry inspect /ipfs/<cid>/alpine
  ipfs-registry export /ipfs/<cid>/alpine -o alpine.car
  ipfs-registry roots
  ipfs-registry gc --dry-run
  ipfs-registry configure docker
  ipfs-registry config

Every setting is a flag, an environment variable (--cache-size: IPFS_REGISTRY_CACHE_SIZE) and a key of the YAML file
that --config names (cache-size).`,
  serve: `
Examples:
  ipfs-registry serve
  ipfs-registry serve --public --cache-size 50GiB
  ipfs-registry serve --source kubo=http://127.0.0.1:5001 --source gateway=https://gateway.example.org
  ipfs-registry serve --upstream docker.io --upstream ghcr.io --mirror 127.0.0.1:5002=docker.io
  ipfs-registry serve --listen 0.0.0.0:5000 --store memory --allow '/ipns/images.example.org/**'`,
  publish: `
Examples:
  skopeo copy docker-daemon:alpine:3.10.1 oci:./images/alpine:3.10.1
  ipfs-registry publish ./images
  docker save alpine:3.10.1 | ipfs-registry publish - --name alpine
  ipfs-registry publish image.tar --name alpine --tag 3.10.1 --to kubo`,
  import: `
Examples:
  ipfs-registry import images.car
  curl -sL 'https://gateway.example.org/ipfs/<cid>?format=car' | ipfs-registry import -
  ipfs-registry import k51….ipns-record`,
  inspect: `
Examples:
  ipfs-registry inspect /ipfs/<cid>/alpine
  ipfs-registry inspect /ipns/images.example.org/alpine --json`,
  export: `
Examples:
  ipfs-registry export /ipfs/<cid>/alpine -o alpine.car
  ipfs-registry export /ipfs/<cid>/alpine:3.10.1 --format docker-archive | docker load
  ipfs-registry export /ipfs/<cid>/alpine --format oci -o ./alpine
  ipfs-registry export /ipns/<name>/alpine:3.10.1 --format oci-archive --platform linux/arm64 -o alpine.tar`,
  roots: `
Examples:
  ipfs-registry roots
  ipfs-registry roots --json
  ipfs-registry roots import /ipfs/<cid>
  ipfs-registry roots import /ipns/<name> --root team
  ipfs-registry roots --source kubo=http://127.0.0.1:5001`,
  gc: `
Examples:
  ipfs-registry gc --dry-run
  ipfs-registry gc`,
  unpublish: `
Examples:
  ipfs-registry unpublish <cid>
  ipfs-registry gc`,
  health: `
Examples:
  ipfs-registry health
  ipfs-registry health --live --admin-listen 127.0.0.1:5011`,
  configure: `
Examples:
  ipfs-registry configure docker
  ipfs-registry configure containerd --upstream docker.io --upstream ghcr.io --write
  ipfs-registry configure podman --gateway https://registry.example.org --write
  ipfs-registry configure k3s --config gateway.yaml --write
  ipfs-registry configure containerd --remove`,
  config: `
Examples:
  ipfs-registry config
  ipfs-registry config --config gateway.yaml --json`,
  completion: `
Examples:
  source <(ipfs-registry completion bash)          # in ~/.bashrc
  source <(ipfs-registry completion zsh)           # in ~/.zshrc, after compinit
  ipfs-registry completion fish | source           # in ~/.config/fish/config.fish`,
} as const
