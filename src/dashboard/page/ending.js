import { find, say } from './dom.js'
import { post } from './request.js'

/** Ends a connection, once that is confirmed. */
export class Ending {
  #dialog = find('#ending')
  #said
  #id

  constructor(said) {
    this.#said = said
    find('#ending-no').addEventListener('click', () => this.#dialog.close())
    find('#ending-yes').addEventListener('click', () => this.#end())
  }

  ask({ id }, words) {
    this.#id = id
    say(find('#ending-words'), words)
    this.#dialog.showModal()
    find('#ending-no').focus() // what is pressed by mistake does no harm
  }

  async #end() {
    this.#dialog.close()
    const { message, reason } = await post('end', { id: this.#id })
    say(this.#said, message ?? reason)
  }
}
