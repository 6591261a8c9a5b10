import { Script } from './scripts.js'

// A run has two keys beside those of its channel: a hash that says who holds it and until when, and a sorted set of who has viewers,
// each until a time. All times are the server's.

/** Begins a run, takes it over, renews it, or tells who has it. */
export const CLAIM = new Script(`
local meta, log, run, seen = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local me, lease, watching, force = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4] == '1'
local newEpoch, root, kept, begin = ARGV[5], ARGV[6], ARGV[7], ARGV[8] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = function(number) return string.format('%.0f', number) end

local known = redis.call('HMGET', run, 'holder', 'expires', 'token', 'start', 'over')
local holder, expires, token, start, over = known[1], tonumber(known[2] or '0'), tonumber(known[3] or '0'), known[4], known[5]
local isNew = 0
local isOurs = start and expires and token and string.find(start, '^[%w_-]+%.%d+%.[%w_-]+$')
if not isOurs then expires, token, start, over = 0, 0, nil, nil end
if not start and not begin then
  local nowhere = newEpoch .. '.0.' .. root
  return {'gone', '0', nowhere, nowhere, 0, 0}
end
if not start then
  isNew, holder, token, start = 1, me, now, newEpoch .. '.0.' .. root
  redis.call('DEL', run)
  redis.call('HSET', run, 'token', text(token), 'start', start, 'holder', me, 'expires', text(now + lease))
  redis.call('DEL', log)
  redis.call('HSET', meta, 'epoch', newEpoch, 'offset', '0', 'link', root, 'at', text(now))
elseif not over and (force or (holder ~= me and expires <= now)) then
  holder, token = me, token + 1
end
local status = over and 'over' or (holder == me and 'mine' or 'elsewhere')
if status == 'mine' then
  redis.call('HSET', run, 'token', text(token), 'holder', me, 'expires', text(now + lease))
end
if not over then
  if watching then redis.call('ZADD', seen, now + lease * 2, me) else redis.call('ZREM', seen, me) end
end
redis.call('ZREMRANGEBYSCORE', seen, '-inf', now)
local others = redis.call('ZCARD', seen) - (watching and 1 or 0)
if not over then
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, kept) end
end
local place = redis.call('HMGET', meta, 'epoch', 'offset', 'link')
local top = place[1] and place[2] and place[3] and place[1] .. '.' .. place[2] .. '.' .. place[3] or start
return {status, text(token), start, top, isNew, others}
`)

/** Appends and publishes as the holder, at a certain place: a try that comes late finds that taken, and one that is made again finds itself. */
export const RUN_ADD = new Script(`
local meta, log, run = KEYS[1], KEYS[2], KEYS[3]
local token, data, id, tag, count, command, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local after = tonumber(ARGV[9])
local held = redis.call('HMGET', run, 'token', 'over')
local known = redis.call('HMGET', meta, 'epoch', 'offset', 'link')
local epoch, offset, link = known[1], tonumber(known[2] or ''), known[3]
if held[1] ~= token or held[2] or not (epoch and offset and link) then return false end
if offset == after + 1 and string.sub(link, #link / 2 + 1) == tag then return epoch .. '.' .. known[2] .. '.' .. link end
if offset ~= after then return false end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local place = string.format('%.0f', offset + 1)
local follows = string.sub(link, #link / 2 + 1) .. tag
local entry = {'XADD', log, 'MAXLEN', count, place .. '-' .. now, 'link', follows, 'data', data}
if id ~= '' then entry[#entry + 1] = 'id'; entry[#entry + 1] = id end
redis.call(unpack(entry))
redis.call('HSET', meta, 'offset', place, 'link', follows, 'at', now)
redis.call('EXPIRE', log, ARGV[8])
local position = epoch .. '.' .. place .. '.' .. follows
redis.call(command, channel, position .. data)
return position
`)

/** Begins the events of a run anew. */
export const RESTART = new Script(`
local meta, log, run = KEYS[1], KEYS[2], KEYS[3]
if redis.call('HGET', run, 'token') ~= ARGV[1] or redis.call('HEXISTS', run, 'over') == 1 then return false end
local start = ARGV[2] .. '.0.' .. ARGV[3]
redis.call('DEL', log)
redis.call('HSET', meta, 'epoch', ARGV[2], 'offset', '0', 'link', ARGV[3], 'at', '1')
redis.call('EXPIRE', meta, ARGV[4])
redis.call('HSET', run, 'start', start)
return start
`)

/** Ends a run: it is kept for some time, or forgotten at once. */
export const FINISH = new Script(`
if redis.call('HGET', KEYS[3], 'token') ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', unpack(KEYS)) end
redis.call('HSET', KEYS[3], 'over', '1')
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end
return 1
`)
