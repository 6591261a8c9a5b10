// Loads entries of the package by import and by require: node entries.cjs ENTRY... Prints the names that are the same in both.
async function main() {
  for (const entry of process.argv.slice(2)) {
    const required = require(entry)
    const imported = await import(entry)
    for (const name of Object.keys(imported)) if (imported[name] === required[name]) console.log(entry, name)
  }
}

main()
