import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { name, exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

/** What a program imports, by the file that it is built from: an entry that package.json gets is in the reference too. */
const entries = new Map(
  Object.entries(exports)
    .filter(([, { types }]) => types !== undefined)
    .map(([path, { types }]) => [types.replace('./dist/', root).replace(/\.d\.ts$/, '.ts'), path.replace('.', name)]),
)

// Modules are called what a program imports, not what their files are called.
function nameModules({ converter }) {
  converter.on('createDeclaration', (context, reflection) => {
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.fileName
    if (reflection.parent === context.project && entries.has(file)) reflection.name = entries.get(file)
  })
}

// What is written in place, as the type of something else, is described there: `{ ok: true }` needs no words of its own.
function expectNoWordsInTypes({ logger }) {
  const warn = logger.validationWarning.bind(logger)
  logger.validationWarning = message => {
    if (!/\.__type\..* does not have any documentation$/.test(message)) warn(message)
  }
}

export default {
  name,
  includeVersion: true,
  tsconfig: `${root}tsconfig.build.json`,
  entryPoints: [...entries.keys()],
  readme: `${root}README.md`,
  out: `${root}docs/reference`,
  plugin: [nameModules, expectNoWordsInTypes],
  headings: { readme: false },
  navigation: { includeFolders: false },
  // What @koa/router has is documented there; where the sources are is known once there is a public repository.
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
  validation: { invalidLink: true, invalidPath: true, notDocumented: true, notExported: true, rewrittenLink: true },
}
