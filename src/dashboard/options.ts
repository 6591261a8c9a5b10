import process from 'node:process'
import type { Context } from 'koa'
import { flag, knownNames, wrong } from '../checks.js'
import type { Access } from '../request.js'

/** Options of a router's `dashboard`. */
export interface DashboardOptions {
  /**
   * Asked before each request for the page, for what it loads and for what it does; of a page that stays open every 15 minutes. What
   * is not `true` is answered 403; throw (`ctx.throw(401)`) to answer otherwise. A `Date` grants access until then. In development,
   * where `NODE_ENV` is `development`, `test` or not set, it may be left out: the page is then shown on the same machine only. Behind
   * a proxy always give it: not every proxy shows that it is one.
   */
  authorize?: ((ctx: Context) => Access | Promise<Access>) | undefined
  /**
   * Shows only: leaves out what publishes events and ends connections.
   * @default false
   */
  readOnly?: boolean | undefined
}

/** Checked options. */
export interface DashboardSettings {
  readonly authorize: DashboardOptions['authorize']
  readonly readOnly: boolean
}

const NAMES = ['authorize', 'readOnly']
const DEVELOPMENT = [undefined, '', 'development', 'test']

/** @throws TypeError for options that cannot be used, or without `authorize` outside development. */
export function dashboardSettings(options: DashboardOptions): DashboardSettings {
  knownNames('dashboard', NAMES, options)
  const { authorize, readOnly = false } = options
  if (authorize === undefined) checkDevelopment()
  else if (typeof authorize !== 'function') throw wrong('authorize', 'a function of ctx', authorize)
  return { authorize, readOnly: flag('readOnly', readOnly) }
}

function checkDevelopment(): void {
  const { NODE_ENV } = process.env
  if (DEVELOPMENT.includes(NODE_ENV)) return
  throw new TypeError(
    `Where NODE_ENV is '${NODE_ENV}', a dashboard needs authorize: a function of ctx that returns true for who may see it`,
  )
}
