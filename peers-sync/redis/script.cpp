#include "peers-sync/redis/script.hpp"

namespace roomgate::peers_sync::redis {

std::string_view script() {
  return R"lua(
-- The clock is read before something is written: what it does is replicated then, not the script itself.
if redis.replicate_commands then redis.replicate_commands() end
local call = redis.call
local P = '{roomgate}:'
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local op, gate = ARGV[1], ARGV[2]
local LOG, ROOMS, GATES = P .. 'log', P .. 'rooms', P .. 'gates'
local LOG_LENGTH, SWEEP = 100000, 500

local function number(value) return string.format('%.0f', value) end

-- GENERATION SHARD CREATED IDLE PROVISIONAL PLACED REGION. IDLE: when it is over; 0: somebody holds it.
local function unpack_entry(text)
  if not text then return nil end
  local g, s, c, i, p, w, r = string.match(text, '^(%d+) (%S+) (%d+) (%d+) (%d+) (%d+) (.*)$')
  if not g then return nil end
  return { g = tonumber(g), s = s, c = tonumber(c), i = tonumber(i), p = tonumber(p), w = tonumber(w), r = r }
end
local function pack_entry(e)
  return table.concat({ number(e.g), e.s, number(e.c), number(e.i), number(e.p), number(e.w), e.r }, ' ')
end
local function read(key) return unpack_entry(call('HGET', ROOMS, key)) end
local function is_live(e) return e and (e.i == 0 or e.i > now) end

local function tell(kind, name, field, value)
  local n = call('INCR', P .. 'count')
  call('XADD', LOG, 'MAXLEN', '~', LOG_LENGTH, '*', 'n', n, kind, name, field, value)
end
local function write(key, e)
  local text = pack_entry(e)
  call('HSET', ROOMS, key, text)
  tell('k', key, 'e', text)
  return text
end

local function lives(id, grace)
  local lease = call('ZSCORE', GATES, id)
  return lease and tonumber(lease) + grace > now
end
-- By somebody else than this gate.
local function held_by_others(key, grace)
  for _, id in ipairs(call('SMEMBERS', P .. 'holds:' .. key)) do
    if id ~= gate and lives(id, grace) then return true end
  end
  return false
end
local function hold(key)
  call('SADD', P .. 'holds:' .. key, gate)
  call('SADD', P .. 'held:' .. gate, key)
end
-- The last one who goes starts the time after which the name is free.
local function unhold(key, id, idle)
  call('SREM', P .. 'held:' .. id, key)
  if call('SREM', P .. 'holds:' .. key, id) == 0 then return end
  if call('SCARD', P .. 'holds:' .. key) > 0 then return end
  local e = read(key)
  if e and e.i == 0 then
    e.i = now + idle
    write(key, e)
  end
end
-- True: all that it held is released, and it is forgotten.
local function bury(id, idle)
  for _, key in ipairs(call('SRANDMEMBER', P .. 'held:' .. id, SWEEP)) do unhold(key, id, idle) end
  if call('SCARD', P .. 'held:' .. id) > 0 then return false end
  call('ZREM', GATES, id)
  call('DEL', P .. 'down:' .. id)
  return true
end
local function name_of(id) return string.match(id, '^(.*)/') end

-- Where the others can be asked, by one that has no Redis: of an hour, since who is cut off says nothing here.
local REMEMBERED = 3600000
local function addresses_of_others()
  local answer = {}
  local all = call('HGETALL', P .. 'addresses')
  for at = 1, #all, 2 do
    local seen, address = string.match(all[at + 1], '^(%d+) (.+)$')
    if not seen or tonumber(seen) + REMEMBERED < now then
      call('HDEL', P .. 'addresses', all[at])
    elseif all[at] ~= name_of(gate) then
      answer[#answer + 1], answer[#answer + 2] = all[at], address
    end
  end
  return answer
end

-- More than half of the gates that live see it down.
local function is_down(shard)
  local all, votes = 0, 0
  for _, id in ipairs(call('ZRANGEBYSCORE', GATES, '(' .. number(now), '+inf')) do
    all = all + 1
    votes = votes + call('SISMEMBER', P .. 'down:' .. id, shard)
  end
  return votes * 2 > all
end

local ops = {}

function ops.hello(run, hold_ms)
  local born = P .. 'born'
  if call('HGET', born, 'run') ~= run then call('HSET', born, 'run', run, 'at', number(now)) end
  return { number(now), number(math.max(0, tonumber(call('HGET', born, 'at')) + hold_ms - now)) }
end

function ops.beat(lease, grace, idle, address, ...)
  local known = call('ZSCORE', GATES, gate) and 1 or 0
  call('ZADD', GATES, number(now + lease), gate)
  call('DEL', P .. 'down:' .. gate)
  for _, shard in ipairs({ ... }) do call('SADD', P .. 'down:' .. gate, shard) end
  local dead = call('ZRANGEBYSCORE', GATES, '-inf', number(now - grace), 'LIMIT', 0, 1)
  if dead[1] then bury(dead[1], idle) end
  local others = {}
  for _, id in ipairs(call('ZRANGEBYSCORE', GATES, '(' .. number(now), '+inf')) do
    if id ~= gate then others[#others + 1] = id end
  end
  if address ~= '' then call('HSET', P .. 'addresses', name_of(gate), number(now) .. ' ' .. address) end
  return { number(now), number(known), others, addresses_of_others() }
end

-- A gate that is cut off lives, says one that hears it: it has no vote, but its time to come back begins anew.
function ops.vouch(id)
  call('ZADD', GATES, number(math.max(tonumber(call('ZSCORE', GATES, id) or 0), now)), id)
  return { '1' }
end

function ops.claim(key, use, shard, placed, region, life, wait_until)
  local e = read(key)
  local what = 'have'
  if not is_live(e) then
    -- After a failover: first all gates say again what they have.
    local born = call('HGET', P .. 'born', 'at')
    local wait = born and math.max(0, tonumber(born) + wait_until - now) or 0
    if wait > 0 then return { 'wait', '', number(wait) } end
    if shard == '' then return { 'none', '', '0' } end
    e = { g = e and e.g + 1 or 1, s = shard, c = now, i = now + life, p = 1, w = tonumber(placed), r = region }
    what = 'made'
  end
  local before = pack_entry(e)
  if use == 'signalling' then
    hold(key)
    e.i, e.p = 0, 0
  end
  local text = pack_entry(e)
  if what == 'made' or text ~= before then write(key, e) end
  return { what, text, '0' }
end

-- What a gate has in use, after a failover. Weak: made while it was cut off; then what is here wins.
ops['assert'] = function(weak, ...)
  local answer = {}
  local list = { ... }
  for at = 1, #list, 2 do
    local key, mine = list[at], unpack_entry(list[at + 1])
    local e = read(key)
    local theirs = e and (e.g > mine.g or (is_live(e) and (weak == '1' or e.g == mine.g)))
    if not theirs then
      if e then mine.g = math.max(mine.g, e.g + (e.g == mine.g and 1 or 0)) end
      e = mine
    elseif not is_live(e) then
      -- Released while this gate was away, and yet it is used here.
      e = { g = e.g + 1, s = mine.s, c = mine.c, i = 0, p = mine.p, w = mine.w, r = mine.r }
    end
    hold(key)
    e.i, e.p = 0, 0
    local text = pack_entry(e)
    if call('HGET', ROOMS, key) ~= text then write(key, e) end
    answer[#answer + 1] = text
  end
  return answer
end

function ops.adopt(idle, ...)
  local answer = {}
  local list = { ... }
  for at = 1, #list, 2 do
    local key, mine = list[at], unpack_entry(list[at + 1])
    local e = read(key)
    if not e or (not is_live(e) and e.g < mine.g) then
      mine.i = now + idle
      answer[#answer + 1] = write(key, mine)
    else
      answer[#answer + 1] = pack_entry(e)
    end
  end
  return answer
end

function ops.unhold(idle, ...)
  local keys = { ... }
  for _, key in ipairs(keys) do unhold(key, gate, idle) end
  return { number(#keys) }
end

function ops.move(key, from, to, placed, mode, used, panic, grace)
  local e = read(key)
  if not is_live(e) then return { 'none', '' } end
  -- Whoever asks for a request of his goes to where the room is, and holds it there.
  local function keep()
    if mode == 'order' then return pack_entry(e) end
    hold(key)
    if e.i == 0 then return pack_entry(e) end
    e.i = 0
    return write(key, e)
  end
  if e.s ~= from then return { 'have', keep() } end
  if mode ~= 'order' then
    local in_use = used == '1' or held_by_others(key, grace)
    if in_use and (panic == '1' or not is_down(from)) then return { 'stay', pack_entry(e) } end
    if mode == 'ask' then return { 'may', pack_entry(e) } end
  end
  e.g, e.s, e.w = e.g + 1, to, tonumber(placed)
  write(key, e)
  return { 'moved', keep() }
end

function ops.forget(key)
  local e = read(key)
  if not is_live(e) then return { '0' } end
  for _, id in ipairs(call('SMEMBERS', P .. 'holds:' .. key)) do call('SREM', P .. 'held:' .. id, key) end
  call('DEL', P .. 'holds:' .. key)
  e.i = now - 60000 -- over for everybody, whatever their clocks make of it
  write(key, e)
  return { '1' }
end

function ops.say(name, value)
  local there = call('HGET', P .. 'words', name)
  local version = number((there and tonumber(string.match(there, '^(%d+) ')) or 0) + 1)
  local text = version .. ' ' .. name_of(gate) .. ' ' .. value
  call('HSET', P .. 'words', name, text)
  tell('w', name, 'v', text)
  return { version }
end

function ops.reap(key, entry)
  if call('HGET', ROOMS, key) ~= entry then return { '0' } end
  return { number(call('HDEL', ROOMS, key)) }
end

function ops.leave(idle)
  call('HDEL', P .. 'addresses', name_of(gate))
  if bury(gate, idle) then return { '0' } end
  return { '1' }
end

return ops[op](unpack(ARGV, 3))
)lua";
}

}  // namespace roomgate::peers_sync::redis
