/** Annotation keys on the entries of index.json and of indexes, by who writes them. */
export const ANNOTATION = {
  /** image-spec, annotations.md: a tag, or whatever name the producer was given. */
  refName: 'org.opencontainers.image.ref.name',
  /** containerd, `docker save`, BuildKit: the full name, `docker.io/library/alpine:3`. */
  imageName: 'io.containerd.image.name',
  /** containerd: the entry is a referrer of the manifest with this digest. */
  manifestSubject: 'io.containerd.manifest.subject',
  /** BuildKit: what the manifest is for the one it refers to; `attestation-manifest`. */
  dockerReferenceType: 'vnd.docker.reference.type',
  /** `cosign save`: `dev.cosignproject.cosign/image`, `…/imageIndex`, `…/sigs`, `…/atts`. */
  cosignKind: 'kind',
} as const
