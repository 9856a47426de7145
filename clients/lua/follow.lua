--- Follows channels and prints one event a line: `lua follow.lua HOST PORT CHANNEL[,CHANNEL…] [POSITION]`, a token in `CALLBOARD_TOKEN`.
-- Give the last position back and it goes on from there.

local folder = arg[0]:match("^(.*[/\\])") or "./"
package.path = folder .. "?.lua;" .. package.path

local callboard = require("callboard")

local host, port, names, position = arg[1], arg[2], arg[3], arg[4]
if not names then
  io.stderr:write("usage: lua follow.lua HOST PORT CHANNEL[,CHANNEL…] [POSITION]\n")
  os.exit(2)
end

local channels = {}
for name in names:gmatch("[^,]+") do table.insert(channels, name) end

io.stdout:setvbuf("line")
local client = callboard.new{
  host = host,
  port = port,
  channels = channels,
  position = position,
  token = os.getenv("CALLBOARD_TOKEN"),
  client_name = "follow.lua",
  on_event = function(event) print(event.position, event.type, event.message or "") end,
  on_status = function(status, detail) print("#", status, detail or "") end,
}
while client:step(1) do end
if client.refused then
  io.stderr:write("refused: ", client.refused.reason, " (", client.refused.code, ")\n")
  os.exit(1)
end
