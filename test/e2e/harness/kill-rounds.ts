import { randomBytes } from 'node:crypto'
import { Random } from './random.ts'

/**
 * How often something is killed, and when. The environment may ask for more rounds, or for the choices of an earlier run:
 * `KILL_ROUNDS=100 KILL_SEED=…`.
 *
 * @param usual rounds where the environment does not say it
 */
export function killRounds(usual: number): { readonly rounds: number; readonly random: Random } {
  const rounds = Number(process.env['KILL_ROUNDS'] ?? usual)
  const random = new Random(process.env['KILL_SEED'] ?? randomBytes(4).toString('hex'))
  return { rounds, random }
}
