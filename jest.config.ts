/** @jest-config-loader esbuild-register */
import type { Config } from 'jest'

const config: Config = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } }],
  },
  moduleNameMapper: {
    '^koa-eventfeed$': '<rootDir>/src/index.ts',
    '^koa-eventfeed/testing$': '<rootDir>/src/testing/index.ts',
    '^koa-eventfeed/plugins/(.*)$': '<rootDir>/plugins/$1/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  setupFilesAfterEnv: ['<rootDir>/test/retry.ts'],
  testSequencer: '<rootDir>/test/order.mjs',
  testTimeout: 20_000,
}

export default config
