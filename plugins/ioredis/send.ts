import { type Cluster, Command, type Redis } from 'ioredis'
import { corkThisTurn } from './cork.js'
import { Passing } from './failure.js'

/** What ioredis says of a node of a cluster that is gone, whether the command was written to it or not. */
const CLOSED = 'Connection is closed.'

/** Sends a command. Of one that was written to no socket it is known that it was not executed: it rejects with `Passing`. */
export async function send(client: Redis | Cluster, name: string, values: (string | number)[]): Promise<unknown> {
  const command = new Command(name, values, { replyEncoding: 'utf8' })
  if (!client.isCluster) {
    corkThisTurn((client as Redis).stream)
    return client.sendCommand(command)
  }
  const write = command.toWritable.bind(command)
  let socket: { destroyed?: boolean } | undefined
  command.toWritable = to => {
    socket = to
    return write(to)
  }
  try {
    return await client.sendCommand(command)
  } catch (error) {
    if ((error as Error).message !== CLOSED || socket?.destroyed) throw error
    throw new Passing(CLOSED, { cause: error })
  }
}
