import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from './harness/child.ts'
import { Gateway, repositoryOf } from './harness/gateway-process.ts'
import { makeImage } from './harness/images.ts'
import { LOGIN_CLIENTS, type Session, type User } from './harness/login-clients.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const ALICE: User = { name: 'alice', password: 'only-for-tests-5up3r' }
const BOB: User = { name: 'bob', password: ALICE.password }
const WRONG: User = { name: 'alice', password: 'not-the-pa55word' }
/** Of the one password, by bcrypt at nearly its lowest price. */
const HASH = '$2y$05$ipfsregistrygatewayteey/ikM8t86XfHTd9/Xt6cprd4j6YPCn2'

/** One line of the gateway's access log. */
interface Answered {
  readonly method: string
  readonly route: string
  readonly path: string
  readonly status: number
  readonly user?: string
}

describeWith(['umoci'], 'who may do what', () => {
  const teardown = new Teardown()
  let gateway: Gateway
  let layout: string
  /** Whatever everybody may pull, and whatever users may. */
  let open: string
  let closed: string
  beforeAll(async () => {
    const folder = await tempFolder(teardown, 'images')
    layout = join(folder, 'open')
    await makeImage(layout, '1', { layers: [20_000], seed: 'open' })
    await makeImage(join(folder, 'closed'), '1', { layers: [20_000], seed: 'closed' })
    const store = await tempFolder(teardown, 'store')
    const rules = join(folder, 'rules.yaml')
    await writeFile(join(folder, 'htpasswd'), [ALICE, BOB].map(({ name }) => `${name}:${HASH}\n`).join(''))
    await writeFile(rules, '[]')
    const flags = [
      '--push',
      '--upstream',
      'none',
      '--auth',
      `htpasswd=${join(folder, 'htpasswd')}`,
      '--auth-rules',
      rules,
    ]
    gateway = await Gateway.start(teardown, { sources: ['embedded'], store, flags })
    open = repositoryOf(await gateway.publish(layout))
    closed = repositoryOf(await gateway.publish(join(folder, 'closed')))
    await gateway.down()
    await writeFile(
      rules,
      `- {users: anonymous, repositories: "${open}", actions: pull}\n` +
        '- {users: alice, repositories: "**", actions: [pull, push]}\n' +
        `- {users: bob, repositories: ["${closed}", "team/**"], actions: pull}\n`,
    )
    await gateway.up()
  }, 60_000)
  afterAll(() => teardown.run(), 60_000)

  let before: number
  beforeEach(() => {
    before = gateway.process.output().length
  })

  /** What was answered in this test so far. */
  function answered(): Answered[] {
    return gateway.process
      .output()
      .slice(before)
      .split('\n')
      .filter((line) => line.includes('"message":"request"'))
      .map((line) => JSON.parse(line) as Answered)
  }

  /** Statuses of the last answer to each request that would write, of one user or of all. */
  function written(by?: string): number[] {
    const last = new Map(
      answered()
        .filter(({ route, method }) => route === 'upload' || method === 'PUT')
        .filter(({ user }) => by === undefined || user === by)
        .map(({ method, path, status }) => [`${method} ${path}`, status]),
    )
    return [...last.values()]
  }

  describe.each(LOGIN_CLIENTS)('$name', (client) => {
    describeWith(client.programs, 'shows what its user may do', () => {
      const sessions = new Teardown()
      let session: Session
      const openNew = (): Promise<Session> =>
        client.open(sessions, gateway.host, { layout, name: `${open}:1` })
      beforeAll(async () => {
        session = await openNew()
      }, 120_000)
      afterAll(() => sessions.run(), 60_000)

      /** Log in, where that is a step of its own. */
      const logIn = async (user: User): Promise<void> => {
        const done = await session.login?.(user)
        if (done !== undefined && done.code !== 0) throw new Error(done.stdout + done.stderr)
      }

      test('nobody pulls what everybody may', async () => {
        expect(await session.pull(`${open}:1`, undefined)).toMatchObject({ code: 0 })
      }, 60_000)

      test('nobody does not pull what users may, and is told it is not there', async () => {
        const got = await session.pull(`${closed}:1`, undefined)
        expect(got.code).not.toBe(0)
        expect(got.stderr).toMatch(/not found|unknown|not exist|404/i)
      }, 60_000)

      test('nobody does not push, and is told to log in', async () => {
        const got = await session.push('team/app:1', undefined)
        expect(got.code).not.toBe(0)
        expect(got.stderr).toMatch(/unauthorized|authentication|authorization failed|401|denied/i)
        expect(written()).toEqual([401])
      }, 60_000)

      test('a wrong password is told to be wrong', async () => {
        const login = await session.login?.(WRONG)
        // crane does not ask whether it is right.
        const got = login !== undefined && login.code !== 0 ? login : await session.pull(`${closed}:1`, WRONG)
        expect(got.code).not.toBe(0)
        expect(got.stderr).toMatch(/unauthorized|incorrect|wrong|invalid username|401/i)
      }, 60_000)

      test('a user pulls what users may', async () => {
        await logIn(BOB)
        expect(await session.pull(`${closed}:1`, BOB)).toMatchObject({ code: 0 })
        expect(answered()).toContainEqual(
          expect.objectContaining({ user: 'bob', status: 200, route: 'blob' }),
        )
      }, 60_000)

      test('a user who may not push is told so', async () => {
        await logIn(BOB)
        const got = await session.push('team/app:1', BOB)
        expect(got.code).not.toBe(0)
        expect(got.stderr).toMatch(/denied|403|forbidden/i)
        expect(written()).toEqual([403])
      }, 60_000)

      test('a user who may push does, and those who may pull it', async () => {
        const name = `team/${client.name}:1`
        await logIn(ALICE)
        expect(await session.push(name, ALICE)).toMatchObject({ code: 0 })
        await until('the access log', () => written().length > 0)
        // What others were refused before may be told only now.
        expect(written('alice').filter((status) => status >= 400)).toEqual([])
        expect(answered()).toContainEqual(expect.objectContaining({ user: 'alice', route: 'upload' }))
        await logIn(BOB)
        expect(await session.pull(name, BOB)).toMatchObject({ code: 0 })
      }, 120_000)

      test(`${client.name} writes no password into the log of the gateway`, () => {
        const log = gateway.process.output()
        for (const secret of [
          ALICE.password,
          WRONG.password,
          'eyJ',
          Buffer.from(`${ALICE.name}:`).toString('base64').slice(0, -1),
        ])
          expect(log).not.toContain(secret)
      })
    })
  })
})
