import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { adapted, isShown } from './configuration.js'
import { describeProgram, systemd } from './program.js'
import { temporaryFolder, written } from './proxy.js'

const name = 'eventfeed@.service'

describeProgram(systemd, path => {
  test('the unit file of docs/deployment.md is accepted without a warning', () => {
    const folder = temporaryFolder()
    const unit = written(folder, name, adapted(name, { '/usr/bin/node': process.execPath }))
    const { status, stdout, stderr } = spawnSync(path, ['verify', unit], { encoding: 'utf8' })
    rmSync(folder, { recursive: true })
    expect([status, stdout, stderr]).toEqual([0, '', ''])
    expect(isShown(name)).toBe(true)
  })
})
