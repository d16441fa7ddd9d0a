"""Scripts that change presence in Redis atomically. Times are Redis's own, in milliseconds since the epoch.

| key | content |
| --- | --- |
| `{partition:presence}:processes` | a sorted set: the processes by the end of their leases |
| `{partition:presence}:users` | a hash: the number of processes that have a user online |
| `{partition:presence}:epoch` | a random text; another one means that Redis has lost its data |
| `{partition:presence}:of:PROCESS` | a set: the users of a process |
| `{partition:presence}:changes:PROCESS` | a sorted set: the changes that a process announces, by number |

The part in braces keeps all keys in one hash slot of a Redis Cluster. A lease is one entry for a process, so that
renewals cost the same for any number of users. A process reads its changes until it acknowledges them, so that no
change is lost with a reply. All keys expire a day after the last renewal of any process.
"""

from typing import Final

_BEGIN: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = redis.call('ZREVRANGE', KEYS[5], 0, 0, 'WITHSCORES')
local number = math.max(tonumber(ARGV[1]), tonumber(last[2] or 0))
local function changed(user, state)
  number = number + 1
  redis.call('ZADD', KEYS[5], number, string.format('%d|%d|%s|%s', number, now, state, user))
end
local function removed(user)
  if redis.call('HINCRBY', KEYS[2], user, -1) <= 0 then
    redis.call('HDEL', KEYS[2], user)
    changed(user, '0')
  end
end
"""

RENEW: Final = (
    _BEGIN
    + """
-- ARGV: number of the last change that was read, process, lease, retention, a new epoch, the known epoch,
-- number of additions, additions, removals
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', ARGV[1])
local epoch = redis.call('GET', KEYS[3])
if not epoch then
  epoch = ARGV[5]
  redis.call('SET', KEYS[3], epoch)
end
local ends = redis.call('ZSCORE', KEYS[1], ARGV[2])
if ARGV[6] ~= '' and (epoch ~= ARGV[6] or not ends or tonumber(ends) < now) then
  return {epoch, 0}
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[2])
local first = 8 + ARGV[7]
for i = 8, #ARGV do
  local user = ARGV[i]
  if i < first then
    if redis.call('SADD', KEYS[4], user) == 1 and redis.call('HINCRBY', KEYS[2], user, 1) == 1 then
      changed(user, '1')
    end
  elseif redis.call('SREM', KEYS[4], user) == 1 then
    removed(user)
  end
end
for i = 1, 5 do
  redis.call('PEXPIRE', KEYS[i], ARGV[4])
end
local changes = redis.call('ZRANGE', KEYS[5], 0, -1)
local ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - 1, 'LIMIT', 0, 16)
return {epoch, 1, changes, redis.call('SCARD', KEYS[4]), ended}
"""
)
"""Renews the lease of a process and changes its users. Returns the epoch, and 0 if the lease has ended or data is lost.

Otherwise returns 1, the changes to announce, the number of users of the process, and processes whose leases have ended.
"""

SWEEP: Final = (
    _BEGIN
    + """
-- KEYS: as for RENEW, users and changes of the process whose lease has ended. ARGV: as for RENEW, that process, number
local ends = redis.call('ZSCORE', KEYS[1], ARGV[2])
if not ends or tonumber(ends) >= now then
  return
end
for _, user in ipairs(redis.call('SPOP', KEYS[6], ARGV[3])) do
  removed(user)
end
if redis.call('SCARD', KEYS[6]) == 0 then
  redis.call('ZREM', KEYS[1], ARGV[2])
  redis.call('DEL', KEYS[7])
end
"""
)
"""Removes some users of a process whose lease has ended. The changes are those of the caller, which announces them."""

RETIRE: Final = """
-- ARGV: process, time
local time = redis.call('TIME')
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  redis.call('ZADD', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
end
redis.call('DEL', KEYS[5])
"""
"""Shortens the lease of a process that stops."""
