const FORM = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** Whether `text` is a tag (distribution-spec, "Pulling manifests"). */
export function isTag(text: string): boolean {
  return FORM.test(text)
}
