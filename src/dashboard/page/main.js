import { Channels } from './channels.js'
import { Connections } from './connections.js'
import { Feed } from './feed.js'
import { Incidents } from './incidents.js'
import { Plots } from './plots.js'
import { Publish } from './publish.js'
import { Runs } from './runs.js'
import { Totals } from './totals.js'
import { Watch } from './watch.js'

const plots = new Plots()
const watch = new Watch()
const publish = new Publish(() => watch.channel)
const channels = new Channels(
  () => feed,
  name => watch.start(name),
)
const connections = new Connections(() => feed)
const parts = [new Totals(), channels, connections, new Runs(), new Incidents(), publish]

const feed = new Feed(
  snapshot => {
    plots.add([snapshot.sample])
    for (const part of parts) part.show(snapshot)
    document.querySelector('main').ariaBusy = 'false'
  },
  samples => plots.add(samples),
)
