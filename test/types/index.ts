// All that is in this folder: test/package.test.ts checks it with the declarations that are packed.
import './channels.js'
import './mounts.js'
import './operating.js'
import './plugins.js'
import './testing.js'
