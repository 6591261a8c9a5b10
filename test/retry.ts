import { jest } from '@jest/globals'

// `npm test` runs two files at once, on machines of two cores: what waits for a page or a client may once wait too long. What fails is
// shown, and tried once more after the others of its file.
jest.retryTimes(1, { logErrorsBeforeRetry: true })
