import { find, say } from './dom.js'
import { clock } from './format.js'
import { post } from './request.js'

/** Publishes a test event to the channel that is named in the field. */
export class Publish {
  #form = find('#publish-form')
  #channelOf

  constructor(channelOf) {
    this.#channelOf = channelOf
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      this.#publish()
    })
  }

  show({ readOnly }) {
    this.#form.hidden = readOnly
  }

  async #publish() {
    const { event, data } = this.#form.elements
    const said = this.#form.querySelector('.said')
    const channel = this.#channelOf()
    if (channel === '') return say(said, 'Name a channel first.')
    const fields = event.value === '' ? {} : { event: event.value }
    const { status, reason } = await post('publish', { channel, data: data.value, ...fields })
    say(said, status === 'success' ? `Published to ${channel} at ${clock(Date.now())}.` : reason)
  }
}
