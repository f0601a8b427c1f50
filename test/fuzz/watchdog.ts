import { Worker } from 'node:worker_threads'

/** Ends the process when an input is not done with for so long that it never will be. */
export interface Watchdog {
  /** An input begins. @param label to find it again by */
  beat(label: string): void
  end(): Promise<void>
}

/** ms; what takes as long keeps everybody else waiting as long. */
const PATIENCE = 90_000

// It has to be a thread: what it watches may never give anything else its turn.
const CODE = `
  const { parentPort, workerData } = require('node:worker_threads')
  let label = '', since = Date.now()
  parentPort.on('message', (next) => { label = next; since = Date.now() })
  setInterval(() => {
    const beats = Atomics.load(new Int32Array(workerData.beats), 0)
    if (beats !== workerData.seen) { workerData.seen = beats; since = Date.now() }
    else if (Date.now() - since > ${PATIENCE}) {
      require('node:fs').writeSync(2, 'never done with: ' + label + ', the input after ' + beats + ' others\\n')
      process.kill(process.pid, 'SIGKILL')
    }
  }, 1000)
`

export function startWatchdog(): Watchdog {
  const beats = new SharedArrayBuffer(4)
  const counter = new Int32Array(beats)
  const worker = new Worker(CODE, { eval: true, workerData: { beats, seen: 0 } })
  worker.unref()
  let current = ''
  return {
    beat(label) {
      if (label === current) Atomics.add(counter, 0, 1)
      else {
        Atomics.store(counter, 0, 0)
        worker.postMessage((current = label))
      }
    },
    end: async () => void (await worker.terminate()),
  }
}
