const USER_INFO = /(\/\/)[^/?#@\s]*@/g
const SECRET_OPTION = /\b((?:token|header\.[\w-]+)=)[^;,\s]*/gi

/** `text` with passwords in URLs and tokens of sources blotted out: for messages, logs and the `config` command. */
export function withoutSecrets(text: string): string {
  return text.replace(USER_INFO, '$1***@').replace(SECRET_OPTION, '$1***')
}
