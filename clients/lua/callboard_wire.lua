--- WebSocket (RFC 6455) over a plain TCP connection, as far as a client of Callboard needs it: texts in both directions, no extensions.

local mime = require("mime")

local wire = { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 }

--- Bytes of the largest frame that is taken.
local FRAME_MAX = 16 * 1024 * 1024
--- Bytes of an answer to the request for a connection.
local HEAD_MAX = 16 * 1024

local floor = math.floor

-- Lua 5.1 has no operators for bits: tables for four at a time.
local AND, XOR = {}, {}
for a = 0, 15 do
  AND[a], XOR[a] = {}, {}
  for b = 0, 15 do
    local both, either = 0, 0
    for bit = 0, 3 do
      local x, y = floor(a / 2 ^ bit) % 2, floor(b / 2 ^ bit) % 2
      both = both + x * y * 2 ^ bit
      either = either + (x + y) % 2 * 2 ^ bit
    end
    AND[a][b], XOR[a][b] = both, either
  end
end

local function bits(operation, a, b)
  local result, place = 0, 1
  while a > 0 or b > 0 do
    result = result + operation[a % 16][b % 16] * place
    a, b, place = floor(a / 16), floor(b / 16), place * 16
  end
  return result
end

local function xor(a, b, ...)
  local result = bits(XOR, a, b)
  if ... then return xor(result, ...) end
  return result
end

local function rotated(value, by)
  local high = 2 ^ (32 - by)
  return value % high * 2 ^ by + floor(value / high)
end

local function word(bytes, at)
  local a, b, c, d = bytes:byte(at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function big_endian(value, bytes)
  local out = {}
  for place = bytes, 1, -1 do
    out[place] = string.char(value % 256)
    value = floor(value / 256)
  end
  return table.concat(out)
end

--- SHA-1 (RFC 3174), which the answer to the request for a connection is checked with; nothing secret rests on it.
function wire.sha1(text)
  local h = { 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0 }
  local padded = text .. "\128" .. ("\0"):rep((55 - #text) % 64) .. big_endian(#text * 8, 8)
  for at = 1, #padded, 64 do
    local w = {}
    for t = 0, 15 do w[t] = word(padded, at + 4 * t) end
    for t = 16, 79 do w[t] = rotated(xor(w[t - 3], w[t - 8], w[t - 14], w[t - 16]), 1) end
    local a, b, c, d, e = h[1], h[2], h[3], h[4], h[5]
    for t = 0, 79 do
      local f, k
      if t < 20 then
        f, k = xor(d, bits(AND, b, xor(c, d))), 0x5A827999
      elseif t < 40 then
        f, k = xor(b, c, d), 0x6ED9EBA1
      elseif t < 60 then
        f, k = xor(bits(AND, b, c), bits(AND, d, xor(b, c))), 0x8F1BBCDC
      else
        f, k = xor(b, c, d), 0xCA62C1D6
      end
      a, b, c, d, e = (rotated(a, 5) + f + e + k + w[t]) % 2 ^ 32, a, rotated(b, 30), c, d
    end
    h = { (h[1] + a) % 2 ^ 32, (h[2] + b) % 2 ^ 32, (h[3] + c) % 2 ^ 32, (h[4] + d) % 2 ^ 32, (h[5] + e) % 2 ^ 32 }
  end
  local out = {}
  for place = 1, 5 do out[place] = big_endian(h[place], 4) end
  return table.concat(out)
end

--- Bytes that nobody can tell in advance, where the system gives them.
local function random_bytes(count)
  local source = io.open("/dev/urandom", "rb")
  local bytes = source and source:read(count)
  if source then source:close() end
  if bytes and #bytes == count then return bytes end
  local out = {}
  for place = 1, count do out[place] = string.char(math.random(0, 255)) end
  return table.concat(out)
end

--- Asks for a WebSocket (section 4.1). The status of the answer and its words, or nil and the trouble.
function wire.open(tcp, host, path)
  local key = mime.b64(random_bytes(16))
  local sent, trouble = tcp:send(table.concat({
    "GET " .. path .. " HTTP/1.1", "Host: " .. host, "Connection: Upgrade", "Upgrade: websocket",
    "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " .. key, "", "",
  }, "\r\n"))
  if not sent then return nil, trouble end
  local head = ""
  repeat
    -- A byte at a time: what follows the head belongs to the first frame.
    local byte, reason = tcp:receive(1)
    if not byte then return nil, reason end
    head = head .. byte
    if #head > HEAD_MAX then return nil, "the answer has no end" end
  until head:sub(-4) == "\r\n\r\n"
  local status, words = head:match("^HTTP/1%.1 (%d%d%d) ?([^\r]*)")
  if not status then return nil, "no HTTP answer came" end
  if status == "101" then
    local accept = head:lower():find("\r\nsec-websocket-accept:", 1, true)
    local value = accept and head:match("^[^:]*:%s*(%S+)", accept + 2)
    if value ~= mime.b64(wire.sha1(key .. "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) then
      return nil, "the answer is none to this request"
    end
  end
  return tonumber(status), words
end

--- A frame as a client sends it: whole and masked (sections 5.2 and 5.3).
function wire.masked(opcode, payload)
  local length, size = #payload, nil
  if length < 126 then
    size = string.char(128 + length)
  elseif length < 65536 then
    size = string.char(128 + 126) .. big_endian(length, 2)
  else
    size = string.char(128 + 127) .. big_endian(length, 8)
  end
  local mask, out = random_bytes(4), {}
  for place = 1, length do
    out[place] = string.char(xor(payload:byte(place), mask:byte((place - 1) % 4 + 1)))
  end
  return string.char(128 + opcode) .. size .. mask .. table.concat(out)
end

--- The first frame of what came, `{ last, opcode, payload }`, and the rest; nil when it is not all there yet; nil, nil and the trouble when there can be none.
function wire.frame(bytes)
  if #bytes < 2 then return nil end
  local first, second = bytes:byte(1, 2)
  if second >= 128 or floor(first / 16) % 8 ~= 0 then return nil, nil, "a frame that no server may send" end
  local length, from = second, 3
  if length >= 126 then
    local size = length == 126 and 2 or 8
    if #bytes < 2 + size then return nil end
    length, from = 0, 3 + size
    for place = 3, 2 + size do length = length * 256 + bytes:byte(place) end
  end
  if length > FRAME_MAX then return nil, nil, "a frame of " .. length .. " bytes" end
  if #bytes < from + length - 1 then return nil end
  local frame = { last = first >= 128, opcode = first % 16, payload = bytes:sub(from, from + length - 1) }
  return frame, bytes:sub(from + length)
end

return wire
