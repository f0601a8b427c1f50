// Figures of a status as people read them.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `0 B`, `12.5 MiB` */
export function bytesText(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit] ?? ''}`
}

/** `3 s`, `5 min`, `2 h 10 min`, `4 d 3 h` */
export function secondsText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ]
  if (days > 0) return `${days} d${hours > 0 ? ` ${hours} h` : ''}`
  if (hours > 0) return `${hours} h${minutes > 0 ? ` ${minutes} min` : ''}`
  return minutes > 0 ? `${minutes} min` : `${whole} s`
}

/** `0.4 ms`, `25 ms`, `1.3 s` */
export function millisecondsText(ms: number): string {
  if (ms >= 999.5) return `${(ms / 1000).toFixed(1)} s`
  return `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`
}

/** `12 %`; of nothing there is no share. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return '–'
  const percent = (100 * part) / whole
  return `${percent > 0 && percent < 1 ? '< 1' : Math.round(percent)} %`
}

/** `1,234,567` */
export function countText(count: number): string {
  return count.toLocaleString('en-US')
}

/** Of one, or of several: `1 blob`, `2 blobs`. */
export function countedText(count: number, what: string): string {
  return `${countText(count)} ${what}${count === 1 ? '' : 's'}`
}

/** Of an ISO time: `2026-01-02 03:04:05`. */
export function timeText(time: string): string {
  return time.slice(0, 19).replace('T', ' ')
}
