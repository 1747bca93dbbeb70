-- SPDX-License-Identifier: MIT
-- What a call of a C function with a descriptor costs: lua5.4 cost.lua [ROUNDS]. Prints lines of JSON; medians of
-- rounds in which all take their turn. LuaJIT's ffi, and luaposix (which Debian 12 has not packaged for Lua 5.4), run in
-- luajit, a process for each round.
local directory = (arg[0]:match "^.*/" or "./") .. "tests/"
package.path = directory .. "?.lua;" .. package.path
local measure = require "measure"
local sh = require "safehandle"
local rounds = tonumber(arg[1]) or 9

local zero = assert(sh.open "/dev/zero")
local plain = assert(io.open("/dev/zero", "rb"))
plain:setvbuf "no"
local absolute = sh.declare "int abs(int n)"
local control = sh.declare "int fcntl(fd in, int command) fails negative errno"
local read = sh.declare "isize read(fd in, bytes out[n, return], usize n) fails negative errno"

local bodies = {
  {"abs(-1): sh.declare", function(n) for _ = 1, n do absolute(-1) end end},
  {"fcntl(fd, F_GETFD): sh.declare", function(n) for _ = 1, n do control(zero, 1) end end},
  {"read of 1 byte: sh.declare", function(n) for _ = 1, n do read(zero, 1) end end},
  {"read of 1 byte: h:read(1)", function(n) for _ = 1, n do zero:read(1) end end},
  {"read of 1 byte: file:read(1), unbuffered", function(n) for _ = 1, n do plain:read(1) end end},
  {"h:lease(function(fd) end)", function(n)
    local function nothing() end
    for _ = 1, n do zero:lease(nothing) end
  end},
  {"sh.open and h:close", function(n) for _ = 1, n do sh.open("/dev/null"):close() end end},
  {"io.open and file:close", function(n) for _ = 1, n do io.open("/dev/null"):close() end end},
}

local figures, order = {}, {}

local function note(what, nanoseconds)
  if not figures[what] then
    figures[what] = {}
    order[#order + 1] = what
  end
  table.insert(figures[what], nanoseconds)
end

-- What luajit measures, in a process of its own; a line about what is not there, in the first round.
local function measure_luajit(is_first)
  local program <close> = assert(io.popen("luajit " .. directory .. "cost_luajit.lua 2>&1"))
  for line in program:lines() do
    local what, nanoseconds = line:match "^(.*)\t([%d.]+)$"
    if what then
      note(what, tonumber(nanoseconds))
    elseif is_first then
      io.stderr:write("left out: ", line, "\n")
    end
  end
end

for _, body in ipairs(bodies) do measure.nanoseconds(body[2]) end
for round = 1, rounds do
  for _, body in ipairs(bodies) do note(body[1], measure.nanoseconds(body[2])) end
  measure_luajit(round == 1)
end
for _, what in ipairs(order) do
  local of = figures[what]
  table.sort(of)
  print(('{"language": "lua", "what": "%s", "nanoseconds": %.0f, "low": %.0f, "high": %.0f}'):format(
    what, of[(#of + 1) // 2], of[1], of[#of]))
end
