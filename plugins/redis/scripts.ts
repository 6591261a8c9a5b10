import { createHash } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { send } from '../ioredis/send.js'

/** A script that runs in Redis: https://redis.io/docs/latest/develop/interact/programmability/eval-intro/ */
export class Script {
  readonly #text: string
  readonly #hash: string

  constructor(text: string) {
    this.#text = text
    this.#hash = createHash('sha1').update(text).digest('hex')
  }

  /** Makes it known to a server, so that what is sent next need not be sent twice and arrive in another order. */
  async load(client: Redis): Promise<void> {
    await client.script('LOAD', this.#text).catch(() => {}) // it is sent again where it is not known
  }

  /** Runs it by its hash. A server that does not know it, or no longer, is sent the text. */
  async run(client: Redis | Cluster, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    try {
      return await send(client, 'evalsha', [this.#hash, keys.length, ...keys, ...values])
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error
      return send(client, 'eval', [this.#text, keys.length, ...keys, ...values])
    }
  }
}

// Each channel has two keys: a hash with the epoch, the newest offset, its link, and when it was published; and a stream whose IDs
// are offset-milliseconds. Both are made anew together: an offset means nothing in another epoch.

// What something else has written into the state counts as none: a channel is not to stay unusable.
const STATE = `
local function isTag(text, shortest)
  return #text >= shortest and #text <= 32 and string.find(text, '^[%w_-]+$')
end
local function isNumber(text, longest)
  return #text <= longest and string.find(text, '^%d+$')
end
local function stateOf(meta)
  local known = redis.call('HMGET', meta, 'epoch', 'offset', 'link', 'at')
  local epoch, offset, link, at = known[1], known[2], known[3], known[4]
  local isOurs = epoch and offset and link and at and isTag(epoch, 1) and isNumber(offset, 15)
    and isTag(link, 8) and #link % 2 == 0 and isNumber(at, 15)
  if isOurs then return epoch, offset, link, at end
end
`

/**
 * Appends and publishes. Writes first what could be refused for want of memory; then nothing is refused any more.
 *
 * A try that follows one of which nothing is known looks for what that may have written, as far back as it may have been. It leaves
 * word that it was here: that may still be under way, over a connection that was given up and heals.
 */
export const ADD = new Script(`${STATE}
local meta, log = KEYS[1], KEYS[2]
local data, id, tag = ARGV[1], ARGV[2], ARGV[3]
local newEpoch, root, count, age, kept = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8]
local command, channel, deadline, since = ARGV[9], ARGV[10], tonumber(ARGV[11]), tonumber(ARGV[12])
local tries, try, triesKept = KEYS[3], tonumber(ARGV[13]), ARGV[14]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if deadline > 0 and now > deadline then return {'late', '', now} end
if try < tonumber(redis.call('GET', tries) or '0') then return {'late', '', now} end
if redis.acl_check_cmd and not redis.acl_check_cmd(command, channel, '') then
  return redis.error_reply('NOPERM this user may not publish to the channel ' .. channel)
end

local epoch, offset, link, at = stateOf(meta)
local function begin()
  epoch, offset, link, at = newEpoch, 0, root, 0
  redis.call('HSET', meta, 'epoch', epoch, 'offset', '0', 'link', link, 'at', '0')
  redis.call('DEL', log)
end
if epoch then offset, at = tonumber(offset), tonumber(at) else begin() end

if since >= 0 and at >= now - since then
  local from, to = now - since, '+'
  local reached = false
  repeat
    local entries = redis.call('XREVRANGE', log, to, '-', 'COUNT', 100)
    for _, entry in ipairs(entries) do
      local place, written = string.match(entry[1], '^(%d+)-(%d+)$')
      if string.sub(entry[2][2], #link / 2 + 1) == tag and entry[2][4] == data then
        return {'ok', epoch .. '.' .. place .. '.' .. entry[2][2], now}
      end
      reached = tonumber(written) < from or place == '1'
      if reached then break end
      to = '(' .. entry[1]
    end
  until reached or #entries < 100
  if not reached then return {'uncertain', '', now} end
end

if try > 1 then redis.call('SET', tries, try, 'PX', triesKept) end
local place, follows
local function append()
  place = string.format('%.0f', offset + 1)
  follows = string.sub(link, #link / 2 + 1) .. tag
  local entry = {'XADD', log, 'MAXLEN', count, place .. '-' .. string.format('%.0f', now), 'link', follows, 'data', data}
  if id ~= '' then entry[#entry + 1] = 'id'; entry[#entry + 1] = id end
  return redis.pcall(unpack(entry))
end
local added = append()
if type(added) == 'table' and string.find(added.err, 'equal or smaller', 1, true) then
  begin() -- something else has added an entry, after which ours cannot be
  added = append()
end
if type(added) == 'table' then return added end
redis.call('PEXPIRE', log, ARGV[7])
redis.call('HSET', meta, 'epoch', epoch, 'offset', place, 'link', follows, 'at', string.format('%.0f', now))
redis.call('EXPIRE', meta, kept)
if (offset + 1) % 16 == 0 then
  repeat
    local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 32)
    local old = 0
    for _, one in ipairs(oldest) do
      if tonumber(string.match(one[1], '-(%d+)$')) > now - age then break end
      old = tonumber(string.match(one[1], '^(%d+)'))
    end
    if old > 0 then redis.call('XTRIM', log, 'MINID', string.format('%.0f', old + 1)) end
  until old == 0
end
local position = epoch .. '.' .. place .. '.' .. follows
redis.call(command, channel, position .. data)
return {'ok', position, now}
`)

/**
 * Reads what follows a position, or why it cannot be had. A channel that was never used is given an epoch, so that what is published
 * later follows the position that is answered now.
 */
export const READ = new Script(`${STATE}
local meta, log = KEYS[1], KEYS[2]
local epoch, offset, tag, limit = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local newEpoch, root, age, kept, keptUnused = ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9]

local known = {stateOf(meta)}
local isKnown = #known > 0
if not isKnown then
  known = {newEpoch, '0', root}
  redis.call('DEL', log)
  redis.call('HSET', meta, 'epoch', newEpoch, 'offset', '0', 'link', root, 'at', '0')
end
if kept ~= '0' then redis.pcall('EXPIRE', meta, known[2] == '0' and keptUnused or kept) end
local top = known[1] .. '.' .. known[2] .. '.' .. known[3]
local newest, newestTag = tonumber(known[2]), string.sub(known[3], #known[3] / 2 + 1)

if epoch == '' then return {'ok', top, {}} end
if not isKnown then return {'absent', top} end
if epoch ~= known[1] then return {'epoch', top} end
if offset > newest then return {'rollback', top} end
if offset == newest then return {tag == newestTag and 'ok' or 'fork', top, {}} end

local entries = redis.call('XRANGE', log, ARGV[2], '+', 'COUNT', limit + 2)
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - age
local first, own = entries[1], false
if not first then return {'trimmed', top} end
local place = tonumber(string.match(first[1], '^(%d+)'))
local half = #first[2][2] / 2
if place == offset then
  if string.sub(first[2][2], half + 1) ~= tag then return {'fork', top} end
  table.remove(entries, 1)
  if not entries[1] then return {'trimmed', top} end
elseif place ~= offset + 1 then
  return {'trimmed', top}
elseif string.sub(first[2][2], 1, half) ~= tag then
  return {'fork', top}
end
if tonumber(string.match(entries[1][1], '-(%d+)$')) < oldest then return {'trimmed', top} end
if #entries > limit then return {'limit', top} end
return {'ok', top, entries}
`)

/** Finds the newest entry that its publisher gave an id. */
export const FIND = new Script(`
local meta, log = KEYS[1], KEYS[2]
local epoch = redis.call('HGET', meta, 'epoch')
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[2])
local to, entries = '+', nil
if not epoch or ARGV[1] == '' then return false end
repeat
  entries = redis.call('XREVRANGE', log, to, '-', 'COUNT', 100)
  for _, entry in ipairs(entries) do
    local place, written = string.match(entry[1], '^(%d+)-(%d+)$')
    if tonumber(written) < oldest then return false end
    if entry[2][6] == ARGV[1] then return epoch .. '.' .. place .. '.' .. entry[2][2] end
    to = '(' .. entry[1]
  end
until #entries < 100
return false
`)
