/**
 * What happens on the server in one step. Keys:
 *
 *     PREFIX:id:KEY        `STATE TIME VOLUME`; o open (never expires), s stored, c confirmed (both expire); TIME in ms
 *     PREFIX:open:VOLUME   set of the KEYs that this volume has half-way
 *     PREFIX:volumes       hash VOLUME -> `TIME LABEL`: when it was heard of last
 *     PREFIX:server        the marker: a server that has lost it has lost the rest too
 *     PREFIX:told          hash VOLUME -> `knew` or `new`: volumes that told a server without a marker what they remember
 */
import { createHash } from 'node:crypto';

export interface Script {
  readonly text: string;
  readonly sha1: string;
}

function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

export const FORGOTTEN = 'forgotten';

const NOW = `local function now()
  local time = redis.call('TIME')
  return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end
`;

const PARSE = `local function parse(value)
  if value then return string.match(value, '^([osc]) (%d+) (%S+)$') end
end
`;

/** KEYS: id, server, open:VOLUME. ARGV: marker, volume, key. */
export const CLAIM = script(`${NOW}
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return '${FORGOTTEN}' end
local found = redis.call('GET', KEYS[1])
if found then return found end
local value = 'o ' .. now() .. ' ' .. ARGV[2]
redis.call('SET', KEYS[1], value)
redis.call('SADD', KEYS[3], ARGV[3])
return value`);

/** KEYS: id, server. ARGV: marker, volume, key, keepMs, prefix of the open sets. */
export const STORED = script(`${NOW}${PARSE}
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return '${FORGOTTEN}' end
local found = redis.call('GET', KEYS[1])
local state, time, owner = parse(found)
if found and not state then return found end
if state == 'c' then return found end
if state == 's' and owner ~= ARGV[2] then return found end
if state == 'o' then redis.call('SREM', ARGV[5] .. owner, ARGV[3]) end
local value = 's ' .. (time or now()) .. ' ' .. ARGV[2]
redis.call('SET', KEYS[1], value, 'PX', ARGV[4])
return value`);

/** KEYS: id. ARGV: key, windowMs, prefix of the open sets. */
export const CONFIRM = script(`${PARSE}
local state, time, owner = parse(redis.call('GET', KEYS[1]))
if not state then return end
if state == 'o' then redis.call('SREM', ARGV[3] .. owner, ARGV[1]) end
redis.call('SET', KEYS[1], 'c ' .. time .. ' ' .. owner, 'PX', ARGV[2])`);

/** KEYS: id, open:VOLUME. ARGV: volume, key, time, keepMs or empty. */
export const REMEMBER = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return end
if ARGV[4] == '' then
  redis.call('SET', KEYS[1], 'o ' .. ARGV[3] .. ' ' .. ARGV[1])
  redis.call('SADD', KEYS[2], ARGV[2])
else
  redis.call('SET', KEYS[1], 'c ' .. ARGV[3] .. ' ' .. ARGV[1], 'PX', ARGV[4])
end`);

/** KEYS: volumes. ARGV: volume, label. */
export const ALIVE = script(`${NOW}
redis.call('HSET', KEYS[1], ARGV[1], now() .. ' ' .. ARGV[2])`);

/** KEYS: volumes, told. ARGV: prefix of the open sets. Answers the time, then name, value, open claims and told of each volume. */
export const VOLUMES = script(`${NOW}
local answer = { now() }
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  table.insert(answer, all[i])
  table.insert(answer, all[i + 1])
  table.insert(answer, tostring(redis.call('SCARD', ARGV[1] .. all[i])))
  table.insert(answer, redis.call('HGET', KEYS[2], all[i]) or '')
end
return answer`);

/** KEYS: id, open:VOLUME. ARGV: volume, key. */
export const RELEASE = script(`${PARSE}
redis.call('SREM', KEYS[2], ARGV[2])
local state, _, owner = parse(redis.call('GET', KEYS[1]))
if state ~= 'o' or owner ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`);

/** KEYS: server, told. ARGV: marker, `always` or empty. */
export const MARK = script(`
local found = redis.call('GET', KEYS[1])
if found then return found end
if ARGV[2] ~= 'always' then
  for _, value in ipairs(redis.call('HVALS', KEYS[2])) do
    if value == 'knew' then return false end
  end
end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]`);
