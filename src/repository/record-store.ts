/** Records that outlive the process. Losing one costs a request, so neither method fails. */
export interface RecordStore<T> {
  get(key: string): Promise<T | undefined>
  put(key: string, value: T): void
}
