--- Follows the channels of a Callboard server from a program that has a loop of its own, as plug-ins do.
--
-- Runs on Lua 5.1 to 5.4 and needs LuaSocket and dkjson, both plain Lua or packaged everywhere. No thread, no callback from
-- nowhere: `client:step(seconds)` does what there is to do and comes back.
--
--     local client = callboard.new{ host = "127.0.0.1", port = 8080, channels = { "jobs" }, on_event = print }
--     while client:step(0.1) do end
--
-- A lost connection comes back by itself, after the last event that was handed out: none twice, none left out; what the server
-- has removed meanwhile is said by `on_subscribed`, whose answer then has a `gap`.

local json = require("dkjson")
local socket = require("socket")
local wire = require("callboard_wire")

local callboard = {}

--- Waits before a retry, in seconds: anything below `BASE * FACTOR ^ failures`, at most `CAP`.
local BASE, FACTOR, CAP = 2, 1.5, 30
--- Seconds in which an answer must come.
local ANSWER_WITHIN = 15
--- Nobody is kept away for longer than this by the server.
local SLOT_MAX = 600
--- A connection that held for so long was a good one: the next trouble starts at the shortest wait.
local STABLE = 10
--- Silence after which the server is asked for a sign of life, and how long it has for it.
local PING_AFTER, PONG_WITHIN = 30, 10
--- Answers to the request for a connection after which there is no use in asking again.
local FINAL = { [400] = true, [401] = true, [403] = true, [404] = true, [421] = true }

local Client = {}
Client.__index = Client

--- A client, not yet connected.
--
-- `host`, `port`, `channels` (a list) must be there; `token`, `client_type` (`gui`, `mobile`, `lightroom`), `client_name`, `position` and the
-- functions `on_event(event)`, `on_subscribed(answer)`, `on_status(status, detail)` may be. `wrap(tcp)` may make a TLS connection of a plain one, with
-- LuaSec for example. `random` gives numbers from 0 to 1.
function callboard.new(options)
  assert(type(options.host) == "string", "host must be a text")
  assert(tonumber(options.port), "port must be a number")
  assert(type(options.channels) == "table" and options.channels[1], "channels must name at least one channel")
  local nothing = function() end
  return setmetatable({
    host = options.host,
    port = tonumber(options.port),
    channels = options.channels,
    token = options.token,
    register = { type = "register", client_type = options.client_type or "unknown", client_name = options.client_name or "" },
    --- After the last event that was handed out; nil before there was any.
    position = options.position,
    on_event = options.on_event or nothing,
    on_subscribed = options.on_subscribed or nothing,
    on_status = options.on_status or nothing,
    wrap = options.wrap or function(tcp) return tcp end,
    random = options.random or math.random,
    --- Why the server does not want this client back, once that is so: `{ code, reason }`.
    refused = nil,
    failures = 0,
    retry_at = 0,
  }, Client)
end

--- Does what there is to do, for at most `seconds` (a connection that is being made may take longer). False when there is nothing more to come: `close`
-- was called, or the server refused, which `client.refused` then says.
function Client:step(seconds)
  if self.closed or self.refused then return false end
  if not self.tcp then
    local wait = self.retry_at - socket.gettime()
    if wait > 0 then
      socket.sleep(math.min(wait, seconds))
      return true
    end
    self:connect()
    return not self.refused
  end
  local deadline = socket.gettime() + seconds
  repeat
    self:receive(math.max(deadline - socket.gettime(), 0))
  until not self.tcp or socket.gettime() >= deadline
  return not (self.closed or self.refused)
end

--- Ends the connection.
function Client:close()
  self.closed = true
  if self.tcp then
    self:send(wire.CLOSE, "\3\232")
    self.tcp:close()
    self.tcp = nil
  end
end

function Client:connect()
  self.on_status("connecting")
  self.heard_at, self.asked_at, self.since, self.buffer, self.fragments = socket.gettime(), nil, nil, "", nil
  local tcp, trouble = socket.tcp()
  if not tcp then return self:lost(trouble) end
  tcp:settimeout(ANSWER_WITHIN)
  local connected, reason = tcp:connect(self.host, self.port)
  if not connected then
    tcp:close()
    return self:lost(reason)
  end
  tcp:setoption("tcp-nodelay", true)
  tcp, trouble = self.wrap(tcp)
  if not tcp then return self:lost(trouble) end
  self.tcp = tcp
  local status, words = wire.open(tcp, self.host .. ":" .. self.port, "/ws")
  if not status then return self:lost(words) end
  if status ~= 101 then
    if FINAL[status] then return self:refuse(status, words) end
    return self:lost(words)
  end
  if self.token then self:say({ type = "auth", token = self.token }) end
  self:say(self.register)
  self:say({ type = "subscribe", channels = self.channels, since = self.position })
end

--- One look at the connection, for at most `seconds`.
function Client:receive(seconds)
  self:watch()
  if not self.tcp then return end
  if not self.tcp:dirty() and #socket.select({ self.tcp }, nil, math.min(seconds, 1)) == 0 then return end
  -- To wait for so many bytes would keep what has come back.
  self.tcp:settimeout(0)
  local all, trouble, part = self.tcp:receive(8192)
  local bytes = all or part
  if bytes and #bytes > 0 then
    self.heard_at, self.asked_at = socket.gettime(), nil
    self.buffer = self.buffer .. bytes
    self:frames()
  end
  if trouble and trouble ~= "timeout" and trouble ~= "wantread" and self.tcp then self:lost(trouble) end
end

--- A server that says nothing is asked, and given up when it goes on saying nothing.
function Client:watch()
  local now = socket.gettime()
  if not self.since and now - self.heard_at > ANSWER_WITHIN then return self:lost("no answer") end
  if self.asked_at and now - self.asked_at > PONG_WITHIN then return self:lost("no sign of life") end
  if not self.asked_at and now - self.heard_at > PING_AFTER then
    self.asked_at = now
    self:say({ type = "ping" })
  end
end

function Client:frames()
  while self.tcp do
    local frame, rest, trouble = wire.frame(self.buffer)
    if trouble then
      self:send(wire.CLOSE, "\3\234")
      return self:lost(trouble)
    end
    if not frame then return end
    self.buffer = rest
    self:frame(frame)
  end
end

function Client:frame(frame)
  if frame.opcode == wire.PING then return self:send(wire.PONG, frame.payload) end
  if frame.opcode == wire.CLOSE then
    local high, low = frame.payload:byte(1, 2)
    local code, reason = high and high * 256 + low or 1005, frame.payload:sub(3)
    if code >= 4500 and code <= 4999 then return self:refuse(code, reason) end
    return self:lost(reason .. " (" .. code .. ")")
  end
  if frame.opcode == wire.TEXT then self.fragments = {} end
  if not self.fragments or frame.opcode == wire.PONG then return end
  table.insert(self.fragments, frame.payload)
  if not frame.last then return end
  local text = table.concat(self.fragments)
  self.fragments = nil
  local message, _, trouble = json.decode(text)
  if type(message) ~= "table" then return self:lost(trouble or "no object came") end
  self:message(message)
end

function Client:message(message)
  if message.channel then
    -- First the position: what the host does with the event may take it to store it.
    self.position = message.position
    return self.on_event(message)
  end
  if message.type == "subscribed" then
    self.since = socket.gettime()
    self.position = message.position
    self.on_subscribed(message)
    self.on_status("live")
  elseif message.type == "pong" then
    self.position = message.position or self.position
  elseif message.type == "shutdown" then
    self.slot = math.min((tonumber(message.reconnect_in_ms) or 0) / 1000, SLOT_MAX)
  elseif message.type == "error" then
    self.on_status("error", message.message)
  end
end

function Client:say(message)
  self:send(wire.TEXT, json.encode(message))
end

function Client:send(opcode, payload)
  self.tcp:settimeout(ANSWER_WITHIN)
  local sent, trouble = self.tcp:send(wire.masked(opcode, payload))
  if not sent and not self.closed then self:lost(trouble) end
end

function Client:refuse(code, reason)
  self.refused = { code = code, reason = reason }
  self:drop()
  self.on_status("refused", reason .. " (" .. code .. ")")
end

function Client:drop()
  if self.tcp then self.tcp:close() end
  self.tcp = nil
end

--- The connection is gone; another is made after a random time, so that many who lost one server do not come back together.
function Client:lost(trouble)
  self:drop()
  if self.since and socket.gettime() - self.since >= STABLE then self.failures = 0 end
  local ceiling = math.min(CAP, BASE * FACTOR ^ math.min(self.failures, 32))
  local wait = self.slot or self.random() * ceiling
  self.slot, self.since = nil, nil
  self.failures = self.failures + 1
  self.retry_at = socket.gettime() + wait
  self.on_status("waiting", tostring(trouble))
end

return callboard
