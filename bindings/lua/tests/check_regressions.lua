-- SPDX-License-Identifier: MIT
-- Every regression program, a few tries each way. It fails when the plain way misdirects nothing, since it could then not
-- see it either way, and when the way through safehandle misdirects anything.
local directory = arg[0]:match "^(.*)tests/" .. "regressions/"
local programs = {"fileno_collected", "across_yield", "double_close"}
local tries, failed = 50, false

local function misdirected(program, with)
  local command = ("%s %s%s.lua --tries=%d --with=%s"):format(os.getenv "LUA" or "lua5.4", directory, program, tries, with)
  local running <close> = assert(io.popen(command))
  local line = running:read "l"
  print("# " .. tostring(line))
  return line and tonumber(line:match '"misdirected": (%d+)')
end

print("1.." .. #programs)
for number, program in ipairs(programs) do
  local plain, safe = misdirected(program, "plain"), misdirected(program, "safehandle")
  local ok = plain and plain > 0 and safe == 0
  failed = failed or not ok
  print(("%sok %d - %s"):format(ok and "" or "not ", number, program))
end
os.exit(not failed)
