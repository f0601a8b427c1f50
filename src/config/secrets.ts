/** Up to the last @: a password that has one, or a slash, makes no sound URL, and is still one. */
const USER_INFO = /(\/\/)(?:(?!\/\/)\S)*@/g
const SECRET_OPTION = /\b((?:token|header\.[\w-]+)=)[^;,\s]*/gi
/** A password may hold anything, and so may what is no token, so that only another option ends it. */
const PASSWORD = /\b((?:pass\w*|identity-token)=)(?:(?!;\s*[a-z-]+=)[^\n])*/gi

/** `text` with passwords and tokens in URLs and options blotted out: for messages, logs and the `config` command. */
export function withoutSecrets(text: string): string {
  return text.replace(PASSWORD, '$1***').replace(USER_INFO, '$1***@').replace(SECRET_OPTION, '$1***')
}
