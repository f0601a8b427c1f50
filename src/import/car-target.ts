import type { CarReader } from '../content/car/car-reader.ts'
import type { PublishProgress } from '../publish/publisher.ts'
import type { ImportedCar } from './importer.ts'

export interface CarImportOptions {
  /** How people call the CAR: name of its pins, and for messages. */
  readonly label: string
  readonly allowIncomplete: boolean
  readonly signal: AbortSignal
  readonly onProgress?: (progress: PublishProgress) => void
}

/** Where the blocks of CARs are kept. */
export interface CarTarget {
  /**
   * Keep everything below the roots of a CAR. Once this resolves, a kill -9 loses none of it.
   *
   * @param car of which nothing has been read
   * @throws Failure IMPORT_INVALID when it names no root, or not all below its roots is there; what the reader throws
   */
  importCar(car: CarReader, options: CarImportOptions): Promise<ImportedCar>
}
